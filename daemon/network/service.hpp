// The daemon's networks: addresses, cables, published ports and the rules that go with them.
//
// Control thread. What blocks (netlink under the kernel's lock, iptables) runs on the pool given.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/fd.hpp"
#include "common/ids.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/async/task.hpp"
#include "daemon/network/bridge.hpp"
#include "daemon/network/endpoint.hpp"

namespace berth::network {

/// Subnets for networks that name none: those of `size` bits in `base`.
struct AddressRange {
  Subnet base;
  int size = 0;
};
std::vector<AddressRange> default_address_pools();

/// What the daemon's configuration says; the names are dockerd's.
struct Settings {
  std::string bridge = "docker0";
  /// The bridge's own address. Empty: the one that the bridge has, else 172.17.0.1/16.
  std::string bip;
  /// The part of the bridge's subnet that containers get addresses from; empty: all of it.
  std::string fixed_cidr;
  /// What containers use as gateway; empty: the bridge.
  std::string default_gateway;
  int mtu = 1500;
  bool iptables = true;
  bool ip_forward = true;
  bool ip_masq = true;
  /// Whether containers of the bridge may talk to each other.
  bool icc = true;
  /// Where ports are published when a binding names no address; empty: everywhere.
  std::string default_binding_address;
  std::vector<AddressRange> address_pools = default_address_pools();
};

/// One bridge with its network. Where `gateway` is not given, the bridge is it.
struct BridgeOptions {
  BridgeSettings bridge;
  std::string range;  // of the addresses for containers; empty: the whole subnet
  std::optional<Ipv4> gateway;
  std::vector<Ipv4> reserved;  // never given away by chance
  bool masquerade = true;
  bool icc = true;
  bool internal = false;  // no way in or out
  bool is_default = false;
  std::string binding_address;  // where ports are published; empty: as the settings say
  bool foreign = false;         // the bridge stays when the network goes
};

/// Identities of the networks that always exist. To be made once for a data root and kept.
struct BuiltInIds {
  NetworkId bridge;
  NetworkId host;
  NetworkId none;

  bool operator==(const BuiltInIds&) const = default;
};
BuiltInIds make_built_in_ids();
nlohmann::json to_json(const BuiltInIds& ids);
BuiltInIds built_in_ids_from_json(const nlohmann::json& json);

struct NetworkInfo {
  NetworkId id;
  std::string name;
  std::string driver;  // bridge, host or null
  std::string bridge;  // the interface, where there is one
  std::string subnet;  // "172.17.0.0/16"; empty where there is none
  std::string ip_range;
  std::string gateway;
  std::map<std::string, std::string> options;
  std::vector<Endpoint> endpoints;  // of running containers
};

/// Who is called what on a network.
struct NamedAddress {
  std::string name;  // a container's name, short id or alias
  std::string address;
  ContainerId container;
};

class NetworkService {
 public:
  NetworkService(asio::any_io_executor control, BlockingPool& fast, Settings settings,
                 BuiltInIds ids);
  ~NetworkService();
  NetworkService(const NetworkService&) = delete;
  NetworkService& operator=(const NetworkService&) = delete;

  /// Makes the bridge, or takes the one that is there. Rules are left as they are: containers of
  /// the daemon before this one may be serving behind them. Throws Error.
  Task<> start();

  /// Makes a network, with its bridge. Between start() and clear_leavings() its rules are left to
  /// the latter. Throws Error; nothing is left then.
  Task<> add(NetworkId id, std::string name, BridgeOptions options);

  /// Takes it away with its bridge and rules. Throws Error{kForbidden} while containers are on it.
  Task<> remove(NetworkId id);

  /// A container of before that runs still: its address and ports are in use. Throws
  /// Error{kConflict} when they are taken; call it before the first reserve().
  void adopt(const Endpoint& endpoint);

  /// Once, after the adoptions: takes away what belongs to no adopted endpoint (ports of the
  /// bridge, rules) and writes all rules anew, in one transaction. Containers that are attached
  /// meanwhile wait for it. When it fails, every later attach() tries again. Throws Error.
  Task<> clear_leavings();

  /// Takes an address and the host's ports, and begins to publish them. Throws Error: kUnavailable
  /// when no address is left, kConflict when an address or port is taken, kInvalidArgument.
  Task<Reservation> reserve(EndpointRequest request);

  /// Lays the cable into the network namespace, where it is eth0 with the endpoint's address and a
  /// default route; returns when the ports are published too. Throws Error; the caller then calls
  /// release().
  Task<> attach(Endpoint endpoint, Fd network_namespace);

  /// Gives everything back, whatever of it is there. Once the endpoint is released this does
  /// nothing. The ports are free at once. The kernel's part (cable, rules) is done in the
  /// background, where a failure is logged, and before anybody else is attached at the address.
  Task<> release(Endpoint endpoint);

  /// The container's name changed, and with it what it is called on its networks. Nothing happens
  /// for an endpoint that is not held.
  void rename(const EndpointId& id, std::string container_name, std::vector<std::string> names);

  // For a name server. ------------------------------------------------------------------------

  /// Every name on the network and its addresses; a name may stand for several containers. The
  /// default bridge has no names.
  std::vector<NamedAddress> names(const NetworkId& network) const;
  /// The networks that a container is on now, with its place in each.
  std::vector<Endpoint> endpoints_of(const ContainerId& container) const;
  /// Called on the control thread whenever names() of that network has changed.
  void on_names_changed(std::function<void(const NetworkId&)> listener);

  /// The address that a container reaches the host by; what `host-gateway` means.
  std::string host_gateway() const;

  std::vector<NetworkInfo> list() const;

  /// What the user should know, such as that iptables is missing; for `info`.
  std::vector<std::string> warnings() const;

  /// Waits for what runs in the background. Nothing of the kernel's state is taken away: containers
  /// go on without the daemon.
  Task<> stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::network
