// Reserves ports of the host: against our other containers by a table, against the host's other
// programs by sockets. Control thread; binding a socket does not block.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/network/endpoint.hpp"
#include "daemon/network/ports.hpp"

namespace berth::network {

class HostPorts {
 public:
  /// `default_address` is where bindings without an address are published; empty: everywhere.
  explicit HostPorts(std::string default_address);

  /// All of them or, with an Error, none. kConflict: `Bind for 0.0.0.0:8080 failed: port is already
  /// allocated` for another container's port, `failed to bind port 0.0.0.0:8080/tcp: address
  /// already in use` for another program's; kInvalidArgument for an address that is not the host's.
  std::vector<Listener> reserve(std::span<const PortBinding> bindings);

  /// A port that somebody holds already. Throws Error{kConflict} when it is another container's.
  void adopt(const PublishedPort& port);

  void give_back(std::span<const PublishedPort> ports);

 private:
  std::vector<Listener> reserve_one(const PortBinding& binding);
  std::vector<Listener> reserve_certain(const PortBinding& binding);
  std::vector<Listener> reserve_any(const PortBinding& binding);
  std::vector<Listener> try_number(const PortBinding& binding, std::uint16_t number);

  std::string default_address_;
  PortTable table_;
  EphemeralPorts ephemeral_;
};

}  // namespace berth::network
