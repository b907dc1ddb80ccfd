#include "daemon/network/bridge_network.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/error.hpp"

namespace berth::network {

namespace {

constexpr std::string_view kDefaultAddress = "172.17.0.1/16";
constexpr std::size_t kVethDigits = 7;

BridgeSettings bridge_settings(const Settings& settings) {
  check_interface_name(settings.bridge);
  BridgeSettings bridge;
  bridge.name = settings.bridge;
  bridge.keep_address = settings.bip.empty();
  bridge.address = Subnet::parse(settings.bip.empty() ? kDefaultAddress : settings.bip, "bip");
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
                    "such as {}",
                    settings.bip, kDefaultAddress));
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

BridgeNetwork::BridgeNetwork(NetworkId id, std::string name, const Settings& settings)
    : id_(std::move(id)),
      name_(std::move(name)),
      bridge_(bridge_settings(settings)),
      fixed_cidr_(settings.fixed_cidr),
      configured_gateway_(configured_gateway(settings)),
      masquerade_(settings.ip_masq),
      icc_(settings.icc),
      gateway_(configured_gateway_.value_or(bridge_.address.address)) {
  // A mistake is told before anything is made.
  if (!bridge_.keep_address) begin(bridge_.address);
}

void BridgeNetwork::begin(Subnet bridge_address) {
  bridge_.address = bridge_address;
  gateway_ = configured_gateway_.value_or(bridge_address.address);
  const Subnet range =
      fixed_cidr_.empty() ? bridge_address : Subnet::parse(fixed_cidr_, "fixed-cidr");
  pool_.emplace(name_, bridge_address, range, gateway_);
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
  endpoint.prefix_length = bridge_.address.prefix;
  endpoint.gateway = gateway_.str();
  endpoint.mac = request.mac.value_or(mac_of(address));
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
  cable.bridge = bridge_.name;
  cable.name = endpoint.veth;
  cable.mac = endpoint.mac;
  cable.address = Subnet{Ipv4::parse(endpoint.address).value_or(Ipv4{}), endpoint.prefix_length};
  cable.gateway = Ipv4::parse(endpoint.gateway).value_or(Ipv4{});
  cable.mtu = bridge_.mtu;
  cable.hairpin = needs_rules(endpoint);
  cable.isolated = !icc_;
  return cable;
}

RuleSettings BridgeNetwork::rules(bool drop_forwarded) const {
  return {bridge_.name, bridge_.address.network_text(), masquerade_, icc_, drop_forwarded};
}

NetworkInfo BridgeNetwork::info() const {
  const auto text = [](bool value) { return std::string(value ? "true" : "false"); };
  NetworkInfo info;
  info.id = id_;
  info.name = name_;
  info.driver = "bridge";
  info.subnet = bridge_.address.network_text();
  info.ip_range = fixed_cidr_;
  info.gateway = gateway_.str();
  info.options = {{"com.docker.network.bridge.default_bridge", "true"},
                  {"com.docker.network.bridge.enable_icc", text(icc_)},
                  {"com.docker.network.bridge.enable_ip_masquerade", text(masquerade_)},
                  {"com.docker.network.bridge.name", bridge_.name},
                  {"com.docker.network.driver.mtu", std::to_string(bridge_.mtu)}};
  return info;
}

}  // namespace berth::network
