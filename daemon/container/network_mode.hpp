// HostConfig.NetworkMode: bridge, host, none, container:<name or id>, or a user-defined network.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

enum class NetworkKind { kBridge, kUser, kHost, kNone, kContainer };

struct NetworkMode {
  NetworkKind kind = NetworkKind::kBridge;
  std::string name;  // of kContainer and kUser: the container's or network's, or an id
};

NetworkMode parse_network_mode(const std::string& text);

/// Names every network of a new container in its `networking`, by name where it is known. Throws
/// Error{kInvalidArgument} for modes that exclude each other.
void name_networks(const network::Catalog& networks, Definition& definition);

/// Refuses at create what cannot work at start: ports that are no ports, addresses on the default
/// bridge. Throws Error. A network may be made until the start, and a client that is told "not
/// found" at create would pull the image.
void check_network(const network::Catalog& networks, const Definition& definition);

/// Refuses what a container cannot ask for on that network. Throws Error{kInvalidArgument}.
void check_endpoint(const network::Catalog& networks, const std::string& network,
                    const api::EndpointSettings& settings);

/// What the container is called on the network: nothing on the default bridge.
std::vector<std::string> names_on(const Container& container, const std::string& network);

/// What the network room needs to know of a container that starts, a request for each network; the
/// first one is eth0. Throws Error{kNotFound} `network x not found`.
std::vector<network::EndpointRequest> endpoint_requests(const network::Catalog& networks,
                                                        const Container& container);

}  // namespace berth::container
