#include "daemon/shim/receiver_address.hpp"

#include <cstdint>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::shim {

namespace {

[[noreturn]] void refuse(const std::string& address) {
  throw Error(ErrorKind::kInvalidArgument, "bad address of a log's receiver: " + address);
}

void set_path(const std::string& path, SocketAddress& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) refuse(path);
  path.copy(name.sun_path, path.size());
  std::memcpy(&address.storage, &name, sizeof name);
  address.length = sizeof name;
}

void set_numbers(const std::string& text, SocketAddress& address) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) refuse(text);
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  std::string host = text.substr(0, colon);
  if (!port || host.empty()) refuse(text);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(*port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(*port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
  } else {
    refuse(text);
  }
}

}  // namespace

SocketAddress parse_socket_address(const std::string& network, const std::string& address) {
  SocketAddress parsed;
  parsed.type = network == "tcp" || network == "unix" ? SOCK_STREAM : SOCK_DGRAM;
  if (network.starts_with("unix")) {
    set_path(address, parsed);
  } else {
    set_numbers(address, parsed);
  }
  return parsed;
}

}  // namespace berth::shim
