// How a container is connected: what the request asks for and what inspect shows.
#pragma once

#include "api/field.hpp"

namespace berth::api {

/// Where a port of a container is published. An empty HostPort means any free one.
struct PortBinding {
  std::string host_ip;
  std::string host_port;  // "8080", or a range "8080-8090"

  static constexpr auto fields() {
    return std::tuple{field("HostIp", &PortBinding::host_ip),
                      field("HostPort", &PortBinding::host_port)};
  }
  bool operator==(const PortBinding&) const = default;
};

/// Key "80/tcp". In inspect, a port that is exposed and not published has no bindings (null).
using PortMap = std::map<std::string, std::vector<PortBinding>>;

/// A port in the list of containers.
struct Port {
  std::string ip;
  std::uint16_t private_port = 0;
  std::uint16_t public_port = 0;
  std::string type;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("IP", &Port::ip, kOmitEmpty), field("PrivatePort", &Port::private_port),
                      field("PublicPort", &Port::public_port, kOmitEmpty),
                      field("Type", &Port::type)};
  }
  bool operator==(const Port&) const = default;
};

struct EndpointIpamConfig {
  std::string ipv4_address;
  std::string ipv6_address;
  StringList link_local_ips;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("IPv4Address", &EndpointIpamConfig::ipv4_address, kOmitEmpty),
                      field("IPv6Address", &EndpointIpamConfig::ipv6_address, kOmitEmpty),
                      field("LinkLocalIPs", &EndpointIpamConfig::link_local_ips, kOmitEmpty)};
  }
  bool operator==(const EndpointIpamConfig&) const = default;
};

/// A container's side of one network.
struct EndpointSettings {
  std::optional<EndpointIpamConfig> ipam_config;
  StringList links;
  StringList aliases;
  std::string mac_address;
  StringMap driver_opts;
  std::int64_t gw_priority = 0;
  std::string network_id;
  std::string endpoint_id;
  std::string gateway;
  std::string ip_address;
  int ip_prefix_len = 0;
  std::string ipv6_gateway;
  std::string global_ipv6_address;
  int global_ipv6_prefix_len = 0;
  StringList dns_names;

  static constexpr auto fields() {
    using E = EndpointSettings;
    return std::tuple{field("IPAMConfig", &E::ipam_config),
                      field("Links", &E::links),
                      field("Aliases", &E::aliases),
                      field("MacAddress", &E::mac_address),
                      field("DriverOpts", &E::driver_opts),
                      field("GwPriority", &E::gw_priority),
                      field("NetworkID", &E::network_id),
                      field("EndpointID", &E::endpoint_id),
                      field("Gateway", &E::gateway),
                      field("IPAddress", &E::ip_address),
                      field("IPPrefixLen", &E::ip_prefix_len),
                      field("IPv6Gateway", &E::ipv6_gateway),
                      field("GlobalIPv6Address", &E::global_ipv6_address),
                      field("GlobalIPv6PrefixLen", &E::global_ipv6_prefix_len),
                      field("DNSNames", &E::dns_names)};
  }
  bool operator==(const EndpointSettings&) const = default;
};

/// Networks of a new container, by name.
struct NetworkingConfig {
  std::map<std::string, EndpointSettings> endpoints_config;

  static constexpr auto fields() {
    return std::tuple{
        field("EndpointsConfig", &NetworkingConfig::endpoints_config, Rule::kEmptyCollection)};
  }
  bool operator==(const NetworkingConfig&) const = default;
};

struct Address {
  std::string addr;
  int prefix_len = 0;

  static constexpr auto fields() {
    return std::tuple{field("Addr", &Address::addr), field("PrefixLen", &Address::prefix_len)};
  }
  bool operator==(const Address&) const = default;
};

/// Networks of a container in inspect. The address fields of the top level repeat those of the
/// default bridge.
struct NetworkSettings {
  std::string bridge;
  std::string sandbox_id;
  std::string sandbox_key;
  PortMap ports;
  bool hairpin_mode = false;
  std::string link_local_ipv6_address;
  int link_local_ipv6_prefix_len = 0;
  std::vector<Address> secondary_ip_addresses;
  std::vector<Address> secondary_ipv6_addresses;
  std::string endpoint_id;
  std::string gateway;
  std::string global_ipv6_address;
  int global_ipv6_prefix_len = 0;
  std::string ip_address;
  int ip_prefix_len = 0;
  std::string ipv6_gateway;
  std::string mac_address;
  std::map<std::string, EndpointSettings> networks;

  static constexpr auto fields() {
    using enum Rule;
    using N = NetworkSettings;
    return std::tuple{field("Bridge", &N::bridge),
                      field("SandboxID", &N::sandbox_id),
                      field("SandboxKey", &N::sandbox_key),
                      field("Ports", &N::ports, kEmptyCollection),
                      field("HairpinMode", &N::hairpin_mode),
                      field("LinkLocalIPv6Address", &N::link_local_ipv6_address),
                      field("LinkLocalIPv6PrefixLen", &N::link_local_ipv6_prefix_len),
                      field("SecondaryIPAddresses", &N::secondary_ip_addresses),
                      field("SecondaryIPv6Addresses", &N::secondary_ipv6_addresses),
                      field("EndpointID", &N::endpoint_id),
                      field("Gateway", &N::gateway),
                      field("GlobalIPv6Address", &N::global_ipv6_address),
                      field("GlobalIPv6PrefixLen", &N::global_ipv6_prefix_len),
                      field("IPAddress", &N::ip_address),
                      field("IPPrefixLen", &N::ip_prefix_len),
                      field("IPv6Gateway", &N::ipv6_gateway),
                      field("MacAddress", &N::mac_address),
                      field("Networks", &N::networks, kEmptyCollection)};
  }
  bool operator==(const NetworkSettings&) const = default;
};

}  // namespace berth::api
