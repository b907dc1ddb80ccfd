// Headers that every answer carries.
#pragma once

#include <string_view>

namespace berth::http {

/// `experimental` is what the configuration says; clients offer some commands only then.
inline std::string_view identity_headers(bool experimental) {
  return experimental ? "Docker-Experimental: true\r\nOstype: linux\r\n"
                        "Server: Berth/" BERTH_VERSION " (linux)\r\n"
                      : "Docker-Experimental: false\r\nOstype: linux\r\n"
                        "Server: Berth/" BERTH_VERSION " (linux)\r\n";
}

}  // namespace berth::http
