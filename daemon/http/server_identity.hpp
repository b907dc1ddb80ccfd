// Headers that every answer carries.
#pragma once

#include <string_view>

namespace berth::http {

inline constexpr std::string_view kIdentityHeaders =
    "Docker-Experimental: false\r\nOstype: linux\r\nServer: Berth/" BERTH_VERSION " (linux)\r\n";

}  // namespace berth::http
