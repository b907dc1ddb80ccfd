// Signals by name and number.
#pragma once

#include <string_view>

namespace berth::container {

/// "KILL", "SIGKILL", "sigkill", "9", "RTMIN+3". Throws Error{kInvalidArgument} `Invalid signal:
/// x`.
int parse_signal(std::string_view text);

}  // namespace berth::container
