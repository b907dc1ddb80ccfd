// HostConfig.NetworkMode: bridge, host, none, container:<name or id>.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

enum class NetworkKind { kBridge, kHost, kNone, kContainer };

struct NetworkMode {
  NetworkKind kind = NetworkKind::kBridge;
  std::string container;  // of kContainer: name or id
};

/// Throws Error{kNotFound} `network x not found` for any other network.
NetworkMode parse_network_mode(const std::string& text);

/// Refuses at create what cannot work at start: ports that are no ports, addresses on the default
/// bridge. Throws Error. A network may be made until the start, and a client that is told "not
/// found" at create would pull the image.
void check_network(const Definition& definition);

/// What the network room needs to know of a container on the bridge.
network::EndpointRequest endpoint_request(const Container& container);

}  // namespace berth::container
