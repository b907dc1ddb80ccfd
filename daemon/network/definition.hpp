// What a user-defined network is: what was asked for, completed and checked. Pure.
#pragma once

#include <span>
#include <string>

#include "api/network.hpp"
#include "common/ids.hpp"
#include "common/time.hpp"
#include "daemon/network/service.hpp"

namespace berth::network {

/// Persisted as JSON, with the API's own names inside.
struct Definition {
  NetworkId id;
  Timestamp created;
  api::NetworkCreateRequest config;  // completed: driver, subnet, gateway
  bool own_subnet = false;           // the user said which one
  bool foreign_bridge = false;       // it was there before the network, and stays behind it
};

/// Refuses what cannot be a network or is not supported, in dockerd's words, and fills in what
/// needs no look at other networks. Throws Error.
void check_request(api::NetworkCreateRequest& request);

/// Gives the network its subnet and gateway. `used` are the subnets of the other networks, `host`
/// those that this machine uses for itself: what is asked for may be among those, what is chosen
/// is not. Throws Error{kForbidden} for a subnet that overlaps another network's.
void choose_subnet(Definition& definition, std::span<const AddressRange> pools,
                   std::span<const Subnet> used, std::span<const Subnet> host);

/// What the bridge of the definition is to be. Throws Error{kInvalidArgument}.
BridgeOptions bridge_options(const Definition& definition, const Settings& settings);

/// Refuses an address that a container cannot ask for on this network. Throws
/// Error{kInvalidArgument}.
void check_wanted_address(const Definition& definition, const std::string& address);

}  // namespace berth::network
