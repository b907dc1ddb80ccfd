// The host's architecture as images name it.
#pragma once

#include <string_view>

namespace berth::routes {

#if defined(__x86_64__)
inline constexpr std::string_view kArchitecture = "amd64";
#elif defined(__aarch64__)
inline constexpr std::string_view kArchitecture = "arm64";
#else
#error "unknown architecture"
#endif

}  // namespace berth::routes
