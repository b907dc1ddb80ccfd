// Where the daemon listens.
#pragma once

#include <string>
#include <string_view>

#include "common/fd.hpp"

namespace berth::client {

struct Host {
  enum class Transport { kUnix, kTcp };

  Transport transport = Transport::kUnix;
  std::string path;     // of a Unix socket
  std::string address;  // of TCP: a name or an address
  std::string port;

  /// As the user would write it: "unix:///var/run/berth.sock".
  std::string text() const;
};

inline constexpr std::string_view kDefaultHost = "unix:///var/run/berth.sock";

/// "unix:///path", "tcp://address[:port]" (port 2375 unless given), "tcp://[v6]:port". Throws
/// Error{kInvalidArgument}.
Host parse_host(std::string_view text);

/// `flag` when it is not empty, else $BERTH_HOST, else $DOCKER_HOST, else kDefaultHost.
Host choose_host(std::string_view flag);

/// A connected socket. Throws Error{kUnavailable} or {kForbidden}: one line that says what is wrong
/// and one that says what to do.
Fd connect_to(const Host& host);

}  // namespace berth::client
