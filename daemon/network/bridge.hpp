// The bridge that containers are plugged into. Blocks: for threads of the pool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/network/address.hpp"
#include "daemon/network/netlink.hpp"

namespace berth::network {

struct BridgeSettings {
  std::string name;
  /// Its address. Where `keep_address` is set an address that the bridge has already wins.
  Subnet address;
  bool keep_address = false;
  int mtu = 1500;
};

/// Throws Error{kInvalidArgument} for what cannot be the name of an interface.
void check_interface_name(std::string_view name);

/// Makes the bridge if there is none of the name, gives it the address (taking other IPv4 addresses
/// away) and takes it up. Returns the address that it has. Throws Error; kConflict when an
/// interface of another kind has the name.
Subnet ensure_bridge(const BridgeSettings& settings);

bool has_interface(const std::string& name);

/// Takes the bridge away if it is there. Throws Error.
void remove_bridge(const std::string& name);

/// The subnets that this host uses or knows a way to: of its interfaces and its routes, but for the
/// default one. Throws Error.
std::vector<Subnet> subnets_of_host();

/// Turns on forwarding of IPv4 packets in the thread's network namespace. True when it was off.
/// Throws Error.
bool enable_forwarding();

}  // namespace berth::network
