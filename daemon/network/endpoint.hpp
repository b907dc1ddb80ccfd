// The words of this room: what a container asks of a network, what it got, and what of its ports is
// published. Plain values, to be copied and persisted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/fd.hpp"
#include "common/ids.hpp"

namespace berth::network {

enum class Protocol { kTcp, kUdp };

std::string to_string(Protocol protocol);

/// "tcp" or "udp", in any case. Throws Error{kInvalidArgument} for another text and
/// Error{kNotImplemented} for sctp.
Protocol parse_protocol(std::string_view text);

/// A container's port that is to be reachable on the host.
struct PortBinding {
  Protocol protocol = Protocol::kTcp;
  std::uint16_t container_port = 0;
  /// An IPv4 or IPv6 address of the host; empty for all of both families.
  std::string host_address;
  /// The host's port, or any free one from first to last; 0 and 0 for any free ephemeral one.
  std::uint16_t first_host_port = 0;
  std::uint16_t last_host_port = 0;

  bool operator==(const PortBinding&) const = default;
};

/// Reads one entry of the API's port map: the key "80/tcp", "80" or "80-82/tcp", and the binding's
/// HostIp and HostPort ("", "8080", "8080-8090"). A range of container ports takes a range of as
/// many host ports, one to one. Throws Error{kInvalidArgument} that names the bad part.
std::vector<PortBinding> parse_port_bindings(std::string_view container_ports,
                                             std::string_view host_address,
                                             std::string_view host_ports);

/// A port as it is published: one host address, one host port.
struct PublishedPort {
  Protocol protocol = Protocol::kTcp;
  std::string host_address;  // "0.0.0.0", "::", or one address
  std::uint16_t host_port = 0;
  std::uint16_t container_port = 0;

  bool operator==(const PublishedPort&) const = default;
};

struct EndpointRequest {
  ContainerId container;
  std::string container_name;          // for messages
  std::string network = "bridge";      // name or id
  std::optional<std::string> address;  // a certain IPv4 address
  std::optional<std::string> mac;      // "02:42:ac:11:00:02"; default: made from the address
  std::vector<PortBinding> ports;
  std::string interface = "eth0";  // in the container
  /// Whether the container's default route goes by this network.
  bool default_route = true;
  /// What the container is called on this network: name, aliases, short id.
  std::vector<std::string> names;
};

/// A container's place in a network. Persist it (to_json) before attach(), so that a daemon that
/// was killed finds what it had given away.
struct Endpoint {
  EndpointId id;
  NetworkId network_id;
  std::string network;  // its name
  std::string driver = "bridge";
  ContainerId container;
  std::string container_name;
  std::string address;  // IPv4
  int prefix_length = 0;
  std::string gateway;  // empty: the network leads nowhere else
  std::string mac;
  std::string bridge;              // the interface that the cable goes to
  std::string veth;                // the host's end of the cable
  std::string interface;           // the container's end
  bool default_route = true;       // by this network's gateway
  std::vector<std::string> names;  // of the container, on this network
  std::vector<PublishedPort> ports;

  bool operator==(const Endpoint&) const = default;
};

nlohmann::json to_json(const Endpoint& endpoint);
/// Throws Error{kInternal} when a field is missing or is not what to_json writes.
Endpoint endpoint_from_json(const nlohmann::json& json);

/// A socket that holds one published port: listening (TCP) or bound (UDP), non-blocking. The shim
/// keeps it open while the container lives, and forwards to the container what arrives on it:
/// connections to loopback addresses and over IPv6, which the NAPT rules do not cover.
struct Listener {
  Fd socket;
  PublishedPort port;
};

/// What reserve() gives. Closing a listener frees its port for other programs of the host.
struct Reservation {
  Endpoint endpoint;
  std::vector<Listener> listeners;
};

}  // namespace berth::network
