#include "daemon/container/network_mode.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "daemon/network/hosts.hpp"
#include "daemon/network/resolv.hpp"

namespace berth::container {

namespace {

constexpr std::string_view kContainerPrefix = "container:";

/// What HostConfig publishes, and with PublishAllPorts every exposed port that has no binding.
std::vector<network::PortBinding> port_bindings(const Definition& definition) {
  std::vector<network::PortBinding> ports;
  const auto add = [&](const std::string& container_ports, const std::string& address,
                       const std::string& host_ports) {
    const auto parsed = network::parse_port_bindings(container_ports, address, host_ports);
    ports.insert(ports.end(), parsed.begin(), parsed.end());
  };
  const api::PortMap& asked = definition.host_config.port_bindings;
  for (const auto& [container_ports, bindings] : asked) {
    for (const api::PortBinding& binding : bindings) {
      add(container_ports, binding.host_ip, binding.host_port);
    }
  }
  if (definition.host_config.publish_all_ports) {
    for (const std::string& exposed : definition.config.exposed_ports) {
      if (!asked.contains(exposed)) add(exposed, "", "");
    }
  }
  return ports;
}

}  // namespace

NetworkMode parse_network_mode(const std::string& text) {
  if (text.empty() || text == "default" || text == "bridge") return {NetworkKind::kBridge, ""};
  if (text == "host") return {NetworkKind::kHost, ""};
  if (text == "none") return {NetworkKind::kNone, ""};
  if (text.starts_with(kContainerPrefix) && text.size() > kContainerPrefix.size()) {
    return {NetworkKind::kContainer, text.substr(kContainerPrefix.size())};
  }
  return {NetworkKind::kUser, text};
}

void name_networks(const network::Catalog& networks, Definition& definition) {
  auto& asked = definition.networking.endpoints_config;
  std::map<std::string, api::EndpointSettings> named;
  const auto name_of = [&networks](const std::string& text) {
    const network::Definition* const known = networks.look_up(text);
    return known == nullptr ? text : known->config.name;
  };
  for (auto& [name, settings] : asked)
    named.emplace(name_of(name), std::move(settings));
  asked = std::move(named);
  std::string& text = definition.host_config.network_mode;
  const NetworkMode mode = parse_network_mode(text);
  if (mode.kind == NetworkKind::kUser) text = name_of(text);
  if (mode.kind == NetworkKind::kBridge || mode.kind == NetworkKind::kUser) {
    asked[mode.kind == NetworkKind::kBridge ? "bridge" : text];
    return;
  }
  const bool others = std::any_of(asked.begin(), asked.end(),
                                  [&text](const auto& each) { return each.first != text; });
  if (others) {
    throw Error(ErrorKind::kInvalidArgument,
                "conflicting options: cannot attach both user-defined and non-user-defined "
                "network-modes");
  }
}

void check_endpoint(const network::Catalog& networks, const std::string& network,
                    const api::EndpointSettings& settings) {
  const network::Definition* const known = networks.look_up(network);
  const bool user_defined = known != nullptr && !networks.is_built_in(*known);
  const std::string address = settings.ipam_config ? settings.ipam_config->ipv4_address : "";
  if (known != nullptr && !user_defined) {
    if (!address.empty()) {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid config for network " + network +
                      ": user specified IP address is supported on user defined networks only");
    }
    if (!settings.aliases.empty() && network == "bridge") {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid config for network " + network +
                      ": network-scoped aliases are only supported for user-defined networks");
    }
  }
  if (user_defined && !address.empty()) network::check_wanted_address(*known, address);
  if (!settings.links.empty()) {
    throw Error(ErrorKind::kNotImplemented,
                "links are not supported: containers of a user-defined network reach each other "
                "by name");
  }
}

void check_network(const network::Catalog& networks, const Definition& definition) {
  port_bindings(definition);
  for (const std::string& host : definition.host_config.extra_hosts)
    network::check_extra_host(host);
  for (const std::string& server : definition.host_config.dns)
    network::check_dns_server(server);
  for (const auto& [name, settings] : definition.networking.endpoints_config)
    check_endpoint(networks, name, settings);
}

std::vector<std::string> names_on(const Container& container, const std::string& network) {
  if (network == "bridge") return {};
  const Definition& definition = container.definition;
  std::vector<std::string> names{container.name};
  const auto add = [&names](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  };
  const auto asked = definition.networking.endpoints_config.find(network);
  if (asked != definition.networking.endpoints_config.end()) {
    for (const std::string& alias : asked->second.aliases)
      add(alias);
  }
  add(std::string(short_id(container.id().str())));
  add(definition.config.hostname);
  return names;
}

namespace {

using Asked = std::pair<std::string, api::EndpointSettings>;

network::EndpointRequest endpoint_request(const Container& container, const Asked& asked) {
  const auto& [network, settings] = asked;
  network::EndpointRequest request;
  request.container = container.id();
  request.container_name = container.name;
  request.network = network;
  request.names = names_on(container, network);
  request.default_route = false;
  if (settings.ipam_config && !settings.ipam_config->ipv4_address.empty())
    request.address = settings.ipam_config->ipv4_address;
  if (!settings.mac_address.empty()) request.mac = settings.mac_address;
  return request;
}

/// The default route goes by the network of the highest priority; of equal ones, by the first by
/// name. Internal networks lead nowhere.
std::size_t gateway_of(const network::Catalog& networks, const std::vector<Asked>& all) {
  std::size_t best = all.size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (networks.find(all[i].first).config.internal) continue;
    const auto rank = [&all](std::size_t at) {
      return std::pair(-all[at].second.gw_priority, all[at].first);
    };
    if (best == all.size() || rank(i) < rank(best)) best = i;
  }
  return best;
}

}  // namespace

std::vector<network::EndpointRequest> endpoint_requests(const network::Catalog& networks,
                                                        const Container& container) {
  const Definition& definition = container.definition;
  const NetworkMode mode = parse_network_mode(definition.host_config.network_mode);
  const bool connected = mode.kind == NetworkKind::kBridge || mode.kind == NetworkKind::kUser;
  if (!connected || definition.config.network_disabled) return {};
  const auto& asked = definition.networking.endpoints_config;
  std::vector<Asked> all(asked.begin(), asked.end());
  const std::string first = mode.kind == NetworkKind::kBridge ? "bridge" : mode.name;
  const auto front = std::find_if(all.begin(), all.end(),
                                  [&first](const Asked& each) { return each.first == first; });
  if (front != all.end()) std::rotate(all.begin(), front, front + 1);
  for (const auto& [name, settings] : all)
    check_endpoint(networks, networks.find(name).config.name, settings);
  const std::size_t gateway = gateway_of(networks, all);
  std::vector<network::EndpointRequest> requests;
  for (const Asked& each : all) {
    network::EndpointRequest request = endpoint_request(container, each);
    request.interface = "eth" + std::to_string(requests.size());
    request.default_route = requests.size() == gateway;
    if (!request.mac && requests.empty() && !definition.config.mac_address.empty())
      request.mac = definition.config.mac_address;
    if (request.default_route) request.ports = port_bindings(definition);
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace berth::container
