// Sockets by the text of an address.
#pragma once

#include <string>

#include <sys/socket.h>

namespace berth::shim {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int type = 0;  // SOCK_STREAM, SOCK_DGRAM

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Of a path for unix and unixgram, of "192.0.2.1:514" or "[2001:db8::1]:514" for tcp and udp.
/// Throws Error{kInvalidArgument}.
SocketAddress parse_socket_address(const std::string& network, const std::string& address);

}  // namespace berth::shim
