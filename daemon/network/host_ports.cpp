#include "daemon/network/host_ports.hpp"

#include <array>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/network/address.hpp"

namespace berth::network {

namespace {

std::string local_port_range() {
  try {
    return read_file("/proc/sys/net/ipv4/ip_local_port_range");
  } catch (const Error&) {
    return "";
  }
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const PublishedPort& port) {
  SocketAddress address;
  if (const auto v4 = Ipv4::parse(port.host_address)) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port.host_port);
    in.sin_addr.s_addr = htonl(v4->value);
    std::memcpy(&address.storage, &in, address.size = sizeof(in));
    return address;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port.host_port);
  inet_pton(AF_INET6, port.host_address.c_str(), &in.sin6_addr);
  std::memcpy(&address.storage, &in, address.size = sizeof(in));
  return address;
}

void enable(int fd, int level, int option) {
  const int on = 1;
  check_errno(setsockopt(fd, level, option, &on, sizeof(on)), "setsockopt");
}

/// 0, or the errno that says why the port cannot be had.
int open_listener(const PublishedPort& port, Fd& result) {
  const SocketAddress address = socket_address(port);
  const bool tcp = port.protocol == Protocol::kTcp;
  const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  Fd fd(socket(address.storage.ss_family, type, 0));
  if (!fd) return errno;
  // Of IPv6 alone: IPv4 has a socket of its own.
  if (address.storage.ss_family == AF_INET6) enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  // For TCP it passes over connections that linger (TIME_WAIT), and two listeners still collide.
  // For UDP it would let two programs bind one port.
  if (tcp) enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0)
    return errno;
  if (tcp && listen(fd.get(), SOMAXCONN) != 0) return errno;
  result = std::move(fd);
  return 0;
}

/// A port that is another container's; the text is dockerd's, which scripts look for.
[[noreturn]] void throw_allocated(const std::string& address_and_port) {
  throw Error(ErrorKind::kConflict,
              fmt::format("Bind for {} failed: port is already allocated", address_and_port));
}

[[noreturn]] void throw_bind(const PublishedPort& port, int error) {
  ErrorKind kind = ErrorKind::kInternal;
  if (error == EADDRINUSE) kind = ErrorKind::kConflict;
  if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT) kind = ErrorKind::kInvalidArgument;
  if (error == EACCES) kind = ErrorKind::kForbidden;
  std::string reason = errno_text(error);
  if (!reason.empty())
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  throw Error(kind,
              fmt::format("failed to bind port {}/{}: {}",
                          address_and_port(port.host_address, port.host_port),
                          to_string(port.protocol), reason),
              error);
}

/// A port that was taken by the table and has no owner yet goes back when something fails.
class Taken {
 public:
  explicit Taken(PortTable& table) : table_(table) {}
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() {
    for (const Listener& listener : listeners_)
      table_.give_back(listener.port);
  }
  void add(Listener listener) {
    table_.take(listener.port);
    listeners_.push_back(std::move(listener));
  }
  void add_all(std::vector<Listener> listeners) {
    for (Listener& listener : listeners)
      listeners_.push_back(std::move(listener));
  }
  std::vector<Listener> release() { return std::exchange(listeners_, {}); }

 private:
  PortTable& table_;
  std::vector<Listener> listeners_;
};

}  // namespace

HostPorts::HostPorts(std::string default_address)
    : default_address_(std::move(default_address)),
      ephemeral_(parse_ephemeral_range(local_port_range())) {}

std::vector<Listener> HostPorts::reserve(std::span<const PortBinding> bindings) {
  Taken all(table_);
  for (const PortBinding& binding : bindings)
    all.add_all(reserve_one(binding));
  return all.release();
}

std::vector<Listener> HostPorts::reserve_one(const PortBinding& binding) {
  if (binding.first_host_port == 0) return reserve_any(binding);
  return reserve_certain(binding);
}

/// The number on every address that the binding means. Throws Error{kConflict} when it is taken.
std::vector<Listener> HostPorts::try_number(const PortBinding& binding, std::uint16_t number) {
  const auto addresses = addresses_for(binding, default_address_);
  Taken taken(table_);
  for (const std::string& address : addresses) {
    PublishedPort port{binding.protocol, address, number, binding.container_port};
    if (!table_.is_free(port)) throw_allocated(address_and_port(address, number));
    Listener listener{Fd(), std::move(port)};
    const int error = open_listener(listener.port, listener.socket);
    // Nobody asked for IPv6 by name, and this host has none.
    const bool optional = addresses.size() > 1 && address == "::";
    if (optional && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)) continue;
    if (error != 0) throw_bind(listener.port, error);
    taken.add(std::move(listener));
  }
  return taken.release();
}

std::vector<Listener> HostPorts::reserve_certain(const PortBinding& binding) {
  if (binding.first_host_port == binding.last_host_port) {
    return try_number(binding, binding.first_host_port);
  }
  for (int number = binding.first_host_port; number <= binding.last_host_port; ++number) {
    try {
      return try_number(binding, static_cast<std::uint16_t>(number));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kConflict) throw;
    }
  }
  const auto addresses = addresses_for(binding, default_address_);
  throw Error(ErrorKind::kConflict,
              fmt::format("Bind for {}-{} failed: every port of the range is already allocated",
                          address_and_port(addresses.front(), binding.first_host_port),
                          binding.last_host_port));
}

std::vector<Listener> HostPorts::reserve_any(const PortBinding& binding) {
  for (int attempt = 0; attempt < ephemeral_.size(); ++attempt) {
    try {
      return try_number(binding, ephemeral_.next());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kConflict) throw;
    }
  }
  const PortRange range = ephemeral_.range();
  throw Error(
      ErrorKind::kUnavailable,
      fmt::format("all ephemeral ports from {} to {} are allocated", range.first, range.last));
}

void HostPorts::adopt(const PublishedPort& port) {
  if (!table_.is_free(port)) throw_allocated(address_and_port(port.host_address, port.host_port));
  table_.take(port);
}

void HostPorts::give_back(std::span<const PublishedPort> ports) {
  for (const PublishedPort& port : ports)
    table_.give_back(port);
}

}  // namespace berth::network
