// Which of the host's ports are published, and by which address. Pure; control thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/network/endpoint.hpp"

namespace berth::network {

/// 0.0.0.0 means every IPv4 address, and so collides with each of them; :: means the same of IPv6.
class PortTable {
 public:
  bool is_free(const PublishedPort& port) const;
  /// The port must be free.
  void take(const PublishedPort& port);
  /// Nothing happens when it is free.
  void give_back(const PublishedPort& port);

 private:
  using Key = std::pair<Protocol, std::uint16_t>;
  std::map<Key, std::vector<std::string>> addresses_;
};

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  bool operator==(const PortRange&) const = default;
};

/// The ephemeral range of what /proc/sys/net/ipv4/ip_local_port_range says ("32768\t60999"), or
/// 49153-65535 where it says nothing useful.
PortRange parse_ephemeral_range(std::string_view text);

/// Ephemeral ports in turn, so that one that was given back is not the next one's at once.
class EphemeralPorts {
 public:
  explicit EphemeralPorts(PortRange range) : range_(range), next_(range.first) {}
  std::uint16_t next();
  int size() const { return range_.last - range_.first + 1; }
  PortRange range() const { return range_; }

 private:
  PortRange range_;
  std::uint16_t next_;
};

/// The addresses of the host that a binding publishes on: its own, else `fallback`, else both
/// families' "every address".
std::vector<std::string> addresses_for(const PortBinding& binding, const std::string& fallback);

/// "0.0.0.0:8080", "[::]:8080"
std::string address_and_port(const std::string& address, std::uint16_t port);

}  // namespace berth::network
