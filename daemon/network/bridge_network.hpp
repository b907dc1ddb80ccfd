// One network whose containers are plugged into a bridge. Control thread.
#pragma once

#include <optional>
#include <string>

#include "daemon/network/bridge.hpp"
#include "daemon/network/firewall_rules.hpp"
#include "daemon/network/ipam.hpp"
#include "daemon/network/service.hpp"
#include "daemon/network/veth.hpp"

namespace berth::network {

/// The default one, as the settings want it. Throws Error{kInvalidArgument}.
BridgeOptions default_bridge(const Settings& settings);

class BridgeNetwork {
 public:
  /// Throws Error{kInvalidArgument}.
  BridgeNetwork(NetworkId id, std::string name, BridgeOptions options);

  /// What ensure_bridge() is to make.
  const BridgeSettings& bridge() const noexcept { return options_.bridge; }

  /// With the address that the bridge has, the network can be used. Throws Error{kInvalidArgument}
  /// when the range of addresses or the gateway does not fit.
  void begin(Subnet bridge_address);

  /// What an endpoint of the request's container gets, but for its ports; the address is taken.
  /// Throws Error.
  Endpoint make_endpoint(const EndpointRequest& request);
  /// Takes the address of an endpoint of before. Throws Error.
  void adopt(const Endpoint& endpoint);
  void give_back(const Endpoint& endpoint);

  Cable cable_for(const Endpoint& endpoint) const;
  BridgeRules rules() const;
  NetworkInfo info() const;
  std::string gateway() const { return gateway_.str(); }
  std::string host_address() const { return options_.bridge.address.address.str(); }
  const NetworkId& id() const noexcept { return id_; }
  const std::string& name() const noexcept { return name_; }
  const BridgeOptions& options() const noexcept { return options_; }

 private:
  AddressPool& pool();

  NetworkId id_;
  std::string name_;
  BridgeOptions options_;
  Ipv4 gateway_;
  std::optional<AddressPool> pool_;
};

}  // namespace berth::network
