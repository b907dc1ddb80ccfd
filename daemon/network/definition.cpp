#include "daemon/network/definition.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/network/subnets.hpp"

namespace berth::network {

namespace {

constexpr std::string_view kOptionPrefix = "com.docker.network.";
constexpr std::string_view kBridgeName = "com.docker.network.bridge.name";
constexpr std::string_view kIcc = "com.docker.network.bridge.enable_icc";
constexpr std::string_view kMasquerade = "com.docker.network.bridge.enable_ip_masquerade";
constexpr std::string_view kBinding = "com.docker.network.bridge.host_binding_ipv4";
constexpr std::string_view kMtu = "com.docker.network.driver.mtu";
constexpr std::array<std::string_view, 5> kOptions = {kBridgeName, kIcc, kMasquerade, kBinding,
                                                      kMtu};
constexpr std::size_t kBridgeDigits = 12;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

[[noreturn]] void not_supported(const std::string& message) {
  throw Error(ErrorKind::kNotImplemented, message);
}

bool is_predefined(std::string_view name) {
  return name == "bridge" || name == "host" || name == "none" || name == "default";
}

void check_name(const std::string& name) {
  if (trim(name).empty()) refuse("invalid network name: name is empty");
  if (is_predefined(name)) {
    throw Error(ErrorKind::kForbidden,
                fmt::format("operation is not permitted on predefined {} network", name));
  }
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c != '\x7f'; });
  if (!printable || name.find('/') != std::string::npos) {
    refuse(fmt::format("invalid network name \"{}\": want one without slashes", name));
  }
}

void check_driver(const std::string& driver) {
  if (driver == "bridge") return;
  if (driver == "host" || driver == "null") {
    throw Error(ErrorKind::kForbidden,
                fmt::format("only one instance of \"{}\" network is allowed", driver));
  }
  if (driver == "overlay") {
    throw Error(ErrorKind::kForbidden,
                "cannot create an overlay network: there is no swarm mode on this engine");
  }
  if (driver == "macvlan" || driver == "ipvlan")
    not_supported(fmt::format("networks of the driver {} are not supported yet", driver));
  throw Error(
      ErrorKind::kNotFound,
      fmt::format("could not find plugin {} in v1 plugin registry: plugin not found", driver));
}

void check_features(const api::NetworkCreateRequest& request) {
  if (request.ingress) not_supported("ingress networks need swarm mode, which is not supported");
  if (!request.scope.empty() && request.scope != "local") {
    throw Error(ErrorKind::kForbidden,
                fmt::format("cannot create a network of the scope {}: there is no swarm mode on "
                            "this engine",
                            request.scope));
  }
  if (request.config_only || request.config_from)
    not_supported("config-only networks are not supported");
  if (request.enable_ipv6.value_or(false)) not_supported("IPv6 networks are not supported yet");
  if (!request.enable_ipv4.value_or(true)) {
    not_supported("networks without IPv4 are not supported");
  }
}

void check_ipam(const api::Ipam& ipam) {
  if (!ipam.driver.empty() && ipam.driver != "default") {
    throw Error(ErrorKind::kNotFound,
                fmt::format("could not find plugin {} in v1 plugin registry: plugin not found",
                            ipam.driver));
  }
  if (ipam.config.size() > 1) not_supported("networks of several IPv4 subnets are not supported");
}

/// The part behind "invalid network config:", as with several faults at once.
class Faults {
 public:
  void add(std::string text) { all_ += "\n" + std::move(text); }
  void raise() const {
    if (!all_.empty()) refuse("invalid network config:" + all_);
  }

 private:
  std::string all_;
};

std::optional<Subnet> parse_subnet(const std::string& text, std::string_view role, Faults& faults) {
  try {
    Subnet subnet = Subnet::parse(text, role);
    if (subnet.address == subnet.network()) return subnet;
    faults.add(fmt::format("invalid {} {}: it should be {}", role, text, subnet.network_text()));
  } catch (const Error&) {
    faults.add(fmt::format("invalid {} {}: invalid CIDR block notation", role, text));
  }
  return std::nullopt;
}

void check_inside(const Subnet& subnet, const std::string& text, const std::string& role,
                  Faults& faults) {
  const auto address = Ipv4::parse(text);
  if (!address) {
    faults.add(fmt::format("invalid {} {}: invalid address", role, text));
  } else if (!subnet.contains(*address)) {
    faults.add(fmt::format("invalid {} {}: parent subnet {} doesn't contain this address", role,
                           text, subnet.network_text()));
  }
}

void check_subnet(const api::IpamConfig& config) {
  Faults faults;
  if (config.subnet.empty()) {
    if (!config.gateway.empty() || !config.ip_range.empty() || !config.auxiliary_addresses.empty())
      refuse(
          "invalid network config:\nuser configured gateways, ip-ranges and auxiliary addresses "
          "need a subnet");
    return;
  }
  const auto subnet = parse_subnet(config.subnet, "subnet", faults);
  faults.raise();
  if (subnet->prefix < 8 || subnet->prefix > 30) {
    refuse(
        fmt::format("invalid network config:\ninvalid subnet {}: want a prefix length from 8 to "
                    "30",
                    config.subnet));
  }
  if (!config.ip_range.empty()) {
    const auto range = parse_subnet(config.ip_range, "ip-range", faults);
    if (range && (range->prefix < subnet->prefix || !subnet->contains(range->network()))) {
      faults.add(fmt::format("invalid ip-range {}: parent subnet {} doesn't contain ip-range",
                             config.ip_range, config.subnet));
    }
  }
  if (!config.gateway.empty()) check_inside(*subnet, config.gateway, "gateway", faults);
  for (const auto& [name, address] : config.auxiliary_addresses)
    check_inside(*subnet, address, "auxiliary address", faults);
  faults.raise();
}

bool flag_option(const api::StringMap& options, std::string_view name, bool otherwise) {
  const auto found = options.find(std::string(name));
  if (found == options.end()) return otherwise;
  const std::string value = to_lower(found->second);
  if (value == "true" || value == "1" || value == "t") return true;
  if (value == "false" || value == "0" || value == "f") return false;
  refuse(fmt::format("failed to parse {} value: {}: want true or false", name, found->second));
}

std::string text_option(const api::StringMap& options, std::string_view name) {
  const auto found = options.find(std::string(name));
  return found == options.end() ? "" : found->second;
}

void check_options(const api::NetworkCreateRequest& request) {
  for (const auto& [name, value] : request.options) {
    const bool known = std::find(kOptions.begin(), kOptions.end(), name) != kOptions.end();
    if (!known && name.starts_with(kOptionPrefix))
      not_supported(fmt::format("the network option {} is not supported", name));
  }
  flag_option(request.options, kIcc, true);
  flag_option(request.options, kMasquerade, true);
  if (const std::string name = text_option(request.options, kBridgeName); !name.empty())
    check_interface_name(name);
  if (const std::string address = text_option(request.options, kBinding); !address.empty()) {
    if (!is_ipv4(address)) refuse(fmt::format("invalid {} \"{}\"", kBinding, address));
  }
  if (const std::string mtu = text_option(request.options, kMtu); !mtu.empty()) {
    const auto number = parse_number<int>(mtu);
    if (!number || *number < 0) refuse(fmt::format("invalid {} \"{}\"", kMtu, mtu));
  }
}

/// The first address of where containers' come from, as dockerd chooses.
Ipv4 first_gateway(const api::IpamConfig& config, const Subnet& subnet) {
  if (config.ip_range.empty()) return Ipv4{subnet.network().value + 1};
  const Ipv4 first = Subnet::parse(config.ip_range, "ip-range").network();
  return first == subnet.network() ? Ipv4{first.value + 1} : first;
}

}  // namespace

void check_request(api::NetworkCreateRequest& request) {
  check_name(request.name);
  if (request.driver.empty() || request.driver == "default") request.driver = "bridge";
  check_features(request);
  check_driver(request.driver);
  if (!request.ipam) request.ipam.emplace();
  check_ipam(*request.ipam);
  if (request.ipam->driver.empty()) request.ipam->driver = "default";
  for (const api::IpamConfig& config : request.ipam->config)
    check_subnet(config);
  check_options(request);
  request.scope = "local";
  request.enable_ipv4 = true;
  request.enable_ipv6 = request.enable_ipv6.value_or(false);
}

void choose_subnet(Definition& definition, std::span<const AddressRange> pools,
                   std::span<const Subnet> used, std::span<const Subnet> host) {
  auto& configs = definition.config.ipam->config;
  if (configs.empty()) configs.emplace_back();
  api::IpamConfig& config = configs.front();
  definition.own_subnet = !config.subnet.empty();
  Subnet subnet;
  if (definition.own_subnet) {
    subnet = Subnet::parse(config.subnet, "subnet");
    const bool overlaps = std::any_of(used.begin(), used.end(),
                                      [&](const Subnet& other) { return other.overlaps(subnet); });
    if (overlaps) {
      throw Error(ErrorKind::kForbidden,
                  "invalid pool request: Pool overlaps with other one on this address space");
    }
  } else {
    std::vector<Subnet> taken(used.begin(), used.end());
    taken.insert(taken.end(), host.begin(), host.end());
    subnet = free_subnet(pools, taken);
    config.subnet = subnet.network_text();
  }
  if (config.gateway.empty()) config.gateway = first_gateway(config, subnet).str();
}

BridgeOptions bridge_options(const Definition& definition, const Settings& settings) {
  const api::NetworkCreateRequest& config = definition.config;
  const api::IpamConfig& ipam = config.ipam->config.front();
  const Subnet subnet = Subnet::parse(ipam.subnet, "subnet");
  const std::string named = text_option(config.options, kBridgeName);
  const std::string mtu = text_option(config.options, kMtu);
  BridgeOptions options;
  options.bridge.name =
      named.empty() ? "br-" + definition.id.str().substr(0, kBridgeDigits) : named;
  options.bridge.address = Subnet{Ipv4::parse(ipam.gateway).value_or(Ipv4{}), subnet.prefix};
  options.bridge.mtu = parse_number<int>(mtu).value_or(0);
  if (options.bridge.mtu == 0) options.bridge.mtu = settings.mtu == 0 ? 1500 : settings.mtu;
  options.range = ipam.ip_range;
  for (const auto& [name, address] : ipam.auxiliary_addresses) {
    if (const auto parsed = Ipv4::parse(address)) options.reserved.push_back(*parsed);
  }
  options.masquerade = flag_option(config.options, kMasquerade, true);
  options.icc = flag_option(config.options, kIcc, true);
  options.internal = config.internal;
  options.binding_address = text_option(config.options, kBinding);
  options.foreign = definition.foreign_bridge;
  return options;
}

void check_wanted_address(const Definition& definition, const std::string& address) {
  const auto wanted = Ipv4::parse(address);
  const std::string prefix =
      "invalid config for network " + definition.config.name + ": invalid endpoint settings:\n";
  if (!wanted) refuse(prefix + "invalid IPv4 address: " + address);
  if (!definition.own_subnet) {
    refuse(prefix +
           "user specified IP address is supported only when connecting to networks with user "
           "configured subnets");
  }
  const Subnet subnet = Subnet::parse(definition.config.ipam->config.front().subnet, "subnet");
  if (!subnet.contains(*wanted))
    refuse(prefix + "no configured subnet contains IP address " + address);
}

}  // namespace berth::network
