// "Did you mean …?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::client {

/// "\nDid you mean X?" with the most alike of the names, or nothing when none is.
std::string suggestion(std::string_view typed, const std::vector<std::string>& names);

}  // namespace berth::client
