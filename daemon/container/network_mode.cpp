#include "daemon/container/network_mode.hpp"

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

/// Anything but the names that mean something by themselves.
bool is_named_network(const std::string& mode) {
  return !mode.empty() && mode != "default" && mode != "bridge" && mode != "host" &&
         mode != "none" && !mode.starts_with(kContainerPrefix);
}

}  // namespace

NetworkMode parse_network_mode(const std::string& text) {
  if (text.empty() || text == "default" || text == "bridge") return {NetworkKind::kBridge, ""};
  if (text == "host") return {NetworkKind::kHost, ""};
  if (text == "none") return {NetworkKind::kNone, ""};
  if (text.starts_with(kContainerPrefix) && text.size() > kContainerPrefix.size()) {
    return {NetworkKind::kContainer, text.substr(kContainerPrefix.size())};
  }
  throw Error(ErrorKind::kNotFound, "network " + text + " not found");
}

void check_network(const Definition& definition) {
  const bool named = is_named_network(definition.host_config.network_mode);
  const NetworkMode mode =
      named ? NetworkMode{} : parse_network_mode(definition.host_config.network_mode);
  port_bindings(definition);
  for (const std::string& host : definition.host_config.extra_hosts)
    network::check_extra_host(host);
  for (const std::string& server : definition.host_config.dns)
    network::check_dns_server(server);
  for (const auto& [name, settings] : definition.networking.endpoints_config) {
    if (is_named_network(name)) continue;
    if (settings.ipam_config && !settings.ipam_config->ipv4_address.empty()) {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid config for network " + name +
                      ": user specified IP address is supported on user defined networks only");
    }
    if (!settings.aliases.empty() && mode.kind == NetworkKind::kBridge) {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid config for network " + name +
                      ": network-scoped aliases are only supported for user-defined networks");
    }
  }
}

network::EndpointRequest endpoint_request(const Container& container) {
  const Definition& definition = container.definition;
  network::EndpointRequest request;
  request.container = container.id();
  request.container_name = container.name;
  if (!definition.config.mac_address.empty()) request.mac = definition.config.mac_address;
  const auto asked = definition.networking.endpoints_config.find("bridge");
  if (asked != definition.networking.endpoints_config.end() && !asked->second.mac_address.empty()) {
    request.mac = asked->second.mac_address;
  }
  request.ports = port_bindings(definition);
  return request;
}

}  // namespace berth::container
