// What those who call the program criu, for a checkpoint or back from one, have in common.
#pragma once

#include <string>

namespace berth::runtime {

/// What a checkpoint calls the container's network namespace, which is made anew.
inline constexpr const char* kCriuNetwork = "network";

/// The reason that criu's log tells, without times and places in its source. Never empty.
std::string last_criu_error(const std::string& log_file);

}  // namespace berth::runtime
