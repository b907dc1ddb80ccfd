// Networks: what GET /networks shows and what creating, connecting and pruning them takes.
#pragma once

#include "api/field.hpp"
#include "api/networking.hpp"

namespace berth::api {

struct IpamConfig {
  std::string subnet;
  std::string ip_range;
  std::string gateway;
  StringMap auxiliary_addresses;

  static constexpr auto fields() {
    using enum Rule;
    using I = IpamConfig;
    return std::tuple{field("Subnet", &I::subnet, kOmitEmpty),
                      field("IPRange", &I::ip_range, kOmitEmpty),
                      field("Gateway", &I::gateway, kOmitEmpty),
                      field("AuxiliaryAddresses", &I::auxiliary_addresses, kOmitEmpty)};
  }
  bool operator==(const IpamConfig&) const = default;
};

struct Ipam {
  std::string driver;
  StringMap options;
  std::vector<IpamConfig> config;

  static constexpr auto fields() {
    return std::tuple{field("Driver", &Ipam::driver), field("Options", &Ipam::options),
                      field("Config", &Ipam::config, Rule::kEmptyCollection)};
  }
  bool operator==(const Ipam&) const = default;
};

struct ConfigReference {
  std::string network;

  static constexpr auto fields() { return std::tuple{field("Network", &ConfigReference::network)}; }
  bool operator==(const ConfigReference&) const = default;
};

/// A running container's place in a network.
struct NetworkContainer {
  std::string name;
  std::string endpoint_id;
  std::string mac_address;
  std::string ipv4_address;  // "172.19.0.2/16"
  std::string ipv6_address;

  static constexpr auto fields() {
    using N = NetworkContainer;
    return std::tuple{field("Name", &N::name), field("EndpointID", &N::endpoint_id),
                      field("MacAddress", &N::mac_address), field("IPv4Address", &N::ipv4_address),
                      field("IPv6Address", &N::ipv6_address)};
  }
  bool operator==(const NetworkContainer&) const = default;
};

/// Answer of GET /networks/{id}; in the list, `containers` stays empty.
struct Network {
  std::string name;
  std::string id;
  std::string created;
  std::string scope = "local";
  std::string driver;
  bool enable_ipv4 = true;
  bool enable_ipv6 = false;
  Ipam ipam;
  bool internal = false;
  bool attachable = false;
  bool ingress = false;
  ConfigReference config_from;
  bool config_only = false;
  std::map<std::string, NetworkContainer> containers;
  StringMap options;
  StringMap labels;

  static constexpr auto fields() {
    using enum Rule;
    using N = Network;
    return std::tuple{field("Name", &N::name),
                      field("Id", &N::id),
                      field("Created", &N::created),
                      field("Scope", &N::scope),
                      field("Driver", &N::driver),
                      field("EnableIPv4", &N::enable_ipv4),
                      field("EnableIPv6", &N::enable_ipv6),
                      field("IPAM", &N::ipam),
                      field("Internal", &N::internal),
                      field("Attachable", &N::attachable),
                      field("Ingress", &N::ingress),
                      field("ConfigFrom", &N::config_from),
                      field("ConfigOnly", &N::config_only),
                      field("Containers", &N::containers, kEmptyCollection),
                      field("Options", &N::options, kEmptyCollection),
                      field("Labels", &N::labels, kEmptyCollection)};
  }
  bool operator==(const Network&) const = default;
};

/// Body of POST /networks/create.
struct NetworkCreateRequest {
  std::string name;
  std::string driver;
  std::string scope;
  bool internal = false;
  bool attachable = false;
  bool ingress = false;
  bool config_only = false;
  std::optional<ConfigReference> config_from;
  std::optional<Ipam> ipam;
  std::optional<bool> enable_ipv4;
  std::optional<bool> enable_ipv6;
  StringMap options;
  StringMap labels;

  static constexpr auto fields() {
    using N = NetworkCreateRequest;
    return std::tuple{field("Name", &N::name),
                      field("Driver", &N::driver),
                      field("Scope", &N::scope),
                      field("Internal", &N::internal),
                      field("Attachable", &N::attachable),
                      field("Ingress", &N::ingress),
                      field("ConfigOnly", &N::config_only),
                      field("ConfigFrom", &N::config_from),
                      field("IPAM", &N::ipam),
                      field("EnableIPv4", &N::enable_ipv4),
                      field("EnableIPv6", &N::enable_ipv6),
                      field("Options", &N::options),
                      field("Labels", &N::labels)};
  }
  bool operator==(const NetworkCreateRequest&) const = default;
};

struct NetworkCreateResponse {
  std::string id;
  std::string warning;

  static constexpr auto fields() {
    return std::tuple{field("Id", &NetworkCreateResponse::id),
                      field("Warning", &NetworkCreateResponse::warning)};
  }
  bool operator==(const NetworkCreateResponse&) const = default;
};

/// Body of POST /networks/{id}/connect.
struct NetworkConnectRequest {
  std::string container;
  std::optional<EndpointSettings> endpoint_config;

  static constexpr auto fields() {
    return std::tuple{field("Container", &NetworkConnectRequest::container),
                      field("EndpointConfig", &NetworkConnectRequest::endpoint_config)};
  }
  bool operator==(const NetworkConnectRequest&) const = default;
};

/// Body of POST /networks/{id}/disconnect.
struct NetworkDisconnectRequest {
  std::string container;
  bool force = false;

  static constexpr auto fields() {
    return std::tuple{field("Container", &NetworkDisconnectRequest::container),
                      field("Force", &NetworkDisconnectRequest::force)};
  }
  bool operator==(const NetworkDisconnectRequest&) const = default;
};

/// Answer of POST /networks/prune.
struct NetworksPruned {
  StringList deleted;  // names

  static constexpr auto fields() {
    return std::tuple{field("NetworksDeleted", &NetworksPruned::deleted)};
  }
  bool operator==(const NetworksPruned&) const = default;
};

}  // namespace berth::api
