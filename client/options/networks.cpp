#include "client/options/networks.hpp"

#include "client/options/ports.hpp"
#include "client/options/value.hpp"

namespace berth::client {

namespace {

/// "host=ip" and "host:ip" both stand for the API's "host:ip".
std::string parse_host_entry(const std::string& text) {
  const std::size_t separator = text.find_first_of("=:");
  if (separator == std::string::npos || separator == 0 || separator + 1 == text.size()) {
    throw invalid_value("host entry", text, "HOST:ADDRESS");
  }
  std::string address = text.substr(separator + 1);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return text.substr(0, separator) + ":" + address;
}

struct NetworkAttachment {
  std::string name;
  api::EndpointSettings settings;
};

/// A value of --network: a name, or "name=..,alias=..,ip=..".
NetworkAttachment parse_network(const std::string& text) {
  NetworkAttachment network;
  if (text.find('=') == std::string::npos) {
    network.name = text;
    return network;
  }
  const auto addresses = [&network]() -> api::EndpointIpamConfig& {
    auto& config = network.settings.ipam_config;
    return config ? *config : config.emplace();
  };
  for (const std::string& field : parse_csv(text)) {
    const KeyValue pair = parse_key_value(field);
    if (pair.key == "name") {
      network.name = pair.value;
    } else if (pair.key == "alias") {
      network.settings.aliases.push_back(pair.value);
    } else if (pair.key == "ip") {
      addresses().ipv4_address = pair.value;
    } else if (pair.key == "ip6") {
      addresses().ipv6_address = pair.value;
    } else if (pair.key == "link-local-ip") {
      addresses().link_local_ips.push_back(pair.value);
    } else if (pair.key == "mac-address") {
      network.settings.mac_address = pair.value;
    } else if (pair.key == "driver-opt") {
      network.settings.driver_opts.merge(parse_pairs({pair.value}, "driver-opt"));
    } else if (pair.key == "gw-priority") {
      network.settings.gw_priority = parse_integer("gw-priority", pair.value);
    } else {
      throw invalid_value("network", text,
                          "name, alias, ip, ip6, mac-address, link-local-ip, driver-opt or "
                          "gw-priority, not \"" +
                              field + "\"");
    }
  }
  if (network.name.empty()) throw invalid_value("network", text, "a name");
  return network;
}

/// Links to other containers belong to networks that users make; elsewhere the host part has them.
bool takes_links(const std::string& network) {
  return network != "default" && network != "bridge" && network != "host" && network != "none" &&
         !network.starts_with("container:");
}

/// What the flags beside --network say goes to the first network.
void apply_endpoint_flags(const ContainerFlags& flags, api::EndpointSettings& settings) {
  settings.aliases.insert(settings.aliases.end(), flags.aliases.begin(), flags.aliases.end());
  if (!flags.mac_address.empty()) settings.mac_address = flags.mac_address;
  if (flags.ip.empty() && flags.ip6.empty() && flags.link_local_ips.empty()) return;
  if (!settings.ipam_config) settings.ipam_config.emplace();
  if (!flags.ip.empty()) settings.ipam_config->ipv4_address = flags.ip;
  if (!flags.ip6.empty()) settings.ipam_config->ipv6_address = flags.ip6;
  for (const std::string& address : flags.link_local_ips)
    settings.ipam_config->link_local_ips.push_back(address);
}

}  // namespace

void apply_networks(const ContainerFlags& flags, api::CreateRequest& request) {
  api::HostConfig& host = request.host_config;
  std::vector<NetworkAttachment> networks =
      parse_each<NetworkAttachment>(flags.networks, parse_network);
  if (networks.empty()) networks.emplace_back().name = "default";
  apply_endpoint_flags(flags, networks.front().settings);
  host.network_mode = networks.front().name;
  if (takes_links(host.network_mode)) networks.front().settings.links = flags.links;
  for (NetworkAttachment& network : networks) {
    const bool plain = network.settings == api::EndpointSettings{};
    if (plain && networks.size() == 1) break;  // the mode says it all
    request.networking_config.endpoints_config[network.name] = std::move(network.settings);
  }
  PublishedPorts ports = parse_ports(flags.publish, flags.expose);
  request.config.exposed_ports = std::move(ports.exposed);
  host.port_bindings = std::move(ports.bindings);
  host.publish_all_ports = flags.publish_all;
  host.links = flags.links;
  host.dns = flags.dns;
  host.dns_options = flags.dns_options;
  host.dns_search = flags.dns_search;
  host.extra_hosts = parse_each<std::string>(flags.add_hosts, parse_host_entry);
}

}  // namespace berth::client
