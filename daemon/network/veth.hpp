// The cables between bridge and containers. Blocks: for threads of the pool.
//
// Times on the machine of 2026 that this was written on: laying a cable takes about 1 ms; removing
// one 20 ms, for the kernel waits for all its processors (synchronize_net) with the lock of all
// network changes held. So nobody waits for a removal, and mostly none is asked for: the cable goes
// with its container's network namespace, some milliseconds after the last process in it. Until
// then it is cut (0.05 ms): the bridge neither takes from it nor gives to it, so that the next
// container of the same address has the address for itself.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/network/address.hpp"

namespace berth::network {

struct Cable {
  std::string bridge;
  std::string name;             // the host's end
  std::string inside = "eth0";  // the container's end
  std::string mac;              // of that
  Subnet address;
  std::optional<Ipv4> gateway;  // of the default route, where this is the way
  int mtu = 1500;
  /// Packets may go back by the port that they came from: a container that uses its own published
  /// port, where the bridge's packets pass the rules (br_netfilter).
  bool hairpin = false;
  /// It reaches the host alone, no other isolated port (bridge(8), "isolated").
  bool isolated = false;
};

/// Makes both ends, the container's in the network namespace `fd`, up, with address and default
/// route. Throws Error; then the caller cuts and removes what there may be.
void lay_cable(const Cable& cable, int network_namespace);

/// Cuts each of the named cables that is still there. Throws Error.
void cut_cables(std::span<const std::string> names);

/// Removes each of the named cables that is still there, in one go. Throws Error.
void remove_cables(std::span<const std::string> names);

/// The cables of the bridge that were laid by Berth.
std::vector<std::string> list_cables(const std::string& bridge);

}  // namespace berth::network
