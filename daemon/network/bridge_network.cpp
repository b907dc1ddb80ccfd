#include "daemon/network/bridge_network.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/error.hpp"

namespace berth::network {

namespace {

constexpr std::size_t kVethDigits = 7;

/// The bridge's in the first subnet of the pool.
Subnet first_address(const AddressRange& range) {
  return Subnet{Ipv4{range.base.network().value + 1}, range.size};
}

BridgeSettings bridge_settings(const Settings& settings) {
  check_interface_name(settings.bridge);
  BridgeSettings bridge;
  bridge.name = settings.bridge;
  bridge.keep_address = settings.bip.empty();
  bridge.address = settings.bip.empty() ? first_address(settings.address_pools.front())
                                        : Subnet::parse(settings.bip, "bip");
  bridge.mtu = settings.mtu == 0 ? 1500 : settings.mtu;
  if (bridge.mtu < 68 || bridge.mtu > 65535) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid mtu {}: want 68 to 65535", settings.mtu));
  }
  const bool is_host = bridge.address.address != bridge.address.network() &&
                       bridge.address.address != bridge.address.broadcast();
  if (bridge.address.prefix < 8 || bridge.address.prefix > 30 || !is_host) {
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("invalid bip \"{}\": want a host's address and a prefix length from 8 to 30, "
                    "such as 172.17.0.1/16",
                    settings.bip));
  }
  return bridge;
}

std::optional<Ipv4> configured_gateway(const Settings& settings) {
  if (settings.default_gateway.empty()) return std::nullopt;
  auto gateway = Ipv4::parse(settings.default_gateway);
  if (!gateway) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid default-gateway \"{}\": want an IPv4 address",
                            settings.default_gateway));
  }
  return gateway;
}

}  // namespace

BridgeOptions default_bridge(const Settings& settings) {
  BridgeOptions options;
  options.bridge = bridge_settings(settings);
  options.range = settings.fixed_cidr;
  options.gateway = configured_gateway(settings);
  options.masquerade = settings.ip_masq;
  options.icc = settings.icc;
  options.is_default = true;
  return options;
}

BridgeNetwork::BridgeNetwork(NetworkId id, std::string name, BridgeOptions options)
    : id_(std::move(id)),
      name_(std::move(name)),
      options_(std::move(options)),
      gateway_(options_.gateway.value_or(options_.bridge.address.address)) {
  // A mistake is told before anything is made.
  if (!options_.bridge.keep_address) begin(options_.bridge.address);
}

void BridgeNetwork::begin(Subnet bridge_address) {
  options_.bridge.address = bridge_address;
  gateway_ = options_.gateway.value_or(bridge_address.address);
  const Subnet range =
      options_.range.empty() ? bridge_address : Subnet::parse(options_.range, "fixed-cidr");
  pool_.emplace(name_, bridge_address, range, gateway_);
  for (const Ipv4 address : options_.reserved) {
    if (pool_->is_free(address)) pool_->take(address);
  }
}

AddressPool& BridgeNetwork::pool() {
  if (!pool_) throw Error(ErrorKind::kUnavailable, fmt::format("network {} is not set up", name_));
  return *pool_;
}

Endpoint BridgeNetwork::make_endpoint(const EndpointRequest& request) {
  Endpoint endpoint;
  if (request.mac) parse_mac(*request.mac);
  Ipv4 address;
  if (request.address) {
    const auto wanted = Ipv4::parse(*request.address);
    if (!wanted) {
      throw Error(ErrorKind::kInvalidArgument,
                  fmt::format("invalid address \"{}\": want an IPv4 address", *request.address));
    }
    pool().take(*wanted);
    address = *wanted;
  } else {
    address = pool().allocate();
  }
  endpoint.id = EndpointId(random_hex_id());
  endpoint.network_id = id_;
  endpoint.network = name_;
  endpoint.container = request.container;
  endpoint.container_name = request.container_name;
  endpoint.address = address.str();
  endpoint.prefix_length = options_.bridge.address.prefix;
  if (!options_.internal) endpoint.gateway = gateway_.str();
  endpoint.mac = request.mac.value_or(mac_of(address));
  endpoint.bridge = options_.bridge.name;
  endpoint.interface = request.interface;
  endpoint.default_route = request.default_route && !options_.internal;
  endpoint.names = request.names;
  endpoint.veth = "veth" + endpoint.id.str().substr(0, kVethDigits);
  return endpoint;
}

void BridgeNetwork::adopt(const Endpoint& endpoint) {
  const auto address = Ipv4::parse(endpoint.address);
  if (!address)
    throw Error(ErrorKind::kInternal, "invalid endpoint on record: " + endpoint.address);
  pool().take(*address);
}

void BridgeNetwork::give_back(const Endpoint& endpoint) {
  if (const auto address = Ipv4::parse(endpoint.address)) pool().give_back(*address);
}

Cable BridgeNetwork::cable_for(const Endpoint& endpoint) const {
  Cable cable;
  cable.bridge = options_.bridge.name;
  cable.inside = endpoint.interface;
  cable.name = endpoint.veth;
  cable.mac = endpoint.mac;
  cable.address = Subnet{Ipv4::parse(endpoint.address).value_or(Ipv4{}), endpoint.prefix_length};
  if (endpoint.default_route) cable.gateway = Ipv4::parse(endpoint.gateway);
  cable.mtu = options_.bridge.mtu;
  cable.hairpin = needs_rules(endpoint);
  cable.isolated = !options_.icc;
  return cable;
}

BridgeRules BridgeNetwork::rules() const {
  return {options_.bridge.name, options_.bridge.address.network_text(), options_.masquerade,
          options_.icc, options_.internal};
}

NetworkInfo BridgeNetwork::info() const {
  const auto text = [](bool value) { return std::string(value ? "true" : "false"); };
  NetworkInfo info;
  info.id = id_;
  info.name = name_;
  info.driver = "bridge";
  info.bridge = options_.bridge.name;
  info.subnet = options_.bridge.address.network_text();
  info.ip_range = options_.range;
  info.gateway = gateway_.str();
  info.options = {{"com.docker.network.bridge.default_bridge", text(options_.is_default)},
                  {"com.docker.network.bridge.enable_icc", text(options_.icc)},
                  {"com.docker.network.bridge.enable_ip_masquerade", text(options_.masquerade)},
                  {"com.docker.network.bridge.host_binding_ipv4",
                   options_.binding_address.empty() ? "0.0.0.0" : options_.binding_address},
                  {"com.docker.network.bridge.name", options_.bridge.name},
                  {"com.docker.network.driver.mtu", std::to_string(options_.bridge.mtu)}};
  return info;
}

}  // namespace berth::network
