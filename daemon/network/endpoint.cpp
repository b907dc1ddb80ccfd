#include "daemon/network/endpoint.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/network/address.hpp"

namespace berth::network {

namespace {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  int size() const { return last - first + 1; }
};

/// "80" or "80-82".
PortRange parse_range(std::string_view text, std::string_view role) {
  const std::size_t dash = text.find('-');
  const auto first = parse_number<std::uint16_t>(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : parse_number<std::uint16_t>(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid {} port \"{}\": want a number from 1 to 65535, or two with a "
                            "dash between them, the lower one first",
                            role, text));
  }
  return {*first, *last};
}

}  // namespace

std::string to_string(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : "udp";
}

Protocol parse_protocol(std::string_view text) {
  const std::string name = to_lower(text);
  if (name == "tcp") return Protocol::kTcp;
  if (name == "udp") return Protocol::kUdp;
  if (name == "sctp") {
    throw Error(ErrorKind::kNotImplemented,
                "publishing sctp ports is not supported: use tcp or udp");
  }
  throw Error(ErrorKind::kInvalidArgument,
              fmt::format("invalid protocol \"{}\" of a port: want tcp or udp", text));
}

std::vector<PortBinding> parse_port_bindings(std::string_view container_ports,
                                             std::string_view host_address,
                                             std::string_view host_ports) {
  const std::size_t slash = container_ports.find('/');
  const PortRange inside = parse_range(container_ports.substr(0, slash), "container");
  PortBinding binding;
  if (slash != std::string_view::npos)
    binding.protocol = parse_protocol(container_ports.substr(slash + 1));
  if (!host_address.empty()) binding.host_address = canonical_address(host_address);
  const PortRange outside =
      host_ports.empty() || host_ports == "0" ? PortRange{} : parse_range(host_ports, "host");
  if (inside.size() > 1 && outside.first != 0 && inside.size() != outside.size()) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid ranges of ports \"{}\" and \"{}\": want as many host ports as "
                            "container ports",
                            container_ports, host_ports));
  }
  std::vector<PortBinding> bindings;
  for (int i = 0; i < inside.size(); ++i) {
    binding.container_port = static_cast<std::uint16_t>(inside.first + i);
    binding.first_host_port = outside.first;
    binding.last_host_port = outside.last;
    if (inside.size() > 1 && outside.first != 0) {
      binding.first_host_port = static_cast<std::uint16_t>(outside.first + i);
      binding.last_host_port = binding.first_host_port;
    }
    bindings.push_back(binding);
  }
  return bindings;
}

nlohmann::json to_json(const Endpoint& endpoint) {
  nlohmann::json ports = nlohmann::json::array();
  for (const PublishedPort& port : endpoint.ports) {
    ports.push_back({{"protocol", to_string(port.protocol)},
                     {"host_address", port.host_address},
                     {"host_port", port.host_port},
                     {"container_port", port.container_port}});
  }
  return {{"id", endpoint.id.str()},
          {"network_id", endpoint.network_id.str()},
          {"network", endpoint.network},
          {"driver", endpoint.driver},
          {"container", endpoint.container.str()},
          {"container_name", endpoint.container_name},
          {"address", endpoint.address},
          {"prefix_length", endpoint.prefix_length},
          {"gateway", endpoint.gateway},
          {"mac", endpoint.mac},
          {"bridge", endpoint.bridge},
          {"veth", endpoint.veth},
          {"interface", endpoint.interface},
          {"default_route", endpoint.default_route},
          {"names", endpoint.names},
          {"ports", std::move(ports)}};
}

Endpoint endpoint_from_json(const nlohmann::json& json) {
  try {
    Endpoint endpoint;
    endpoint.id = EndpointId(json.at("id").get<std::string>());
    endpoint.network_id = NetworkId(json.at("network_id").get<std::string>());
    endpoint.network = json.at("network").get<std::string>();
    endpoint.driver = json.at("driver").get<std::string>();
    endpoint.container = ContainerId(json.at("container").get<std::string>());
    endpoint.container_name = json.at("container_name").get<std::string>();
    endpoint.address = json.at("address").get<std::string>();
    endpoint.prefix_length = json.at("prefix_length").get<int>();
    endpoint.gateway = json.at("gateway").get<std::string>();
    endpoint.mac = json.at("mac").get<std::string>();
    endpoint.bridge = json.at("bridge").get<std::string>();
    endpoint.veth = json.at("veth").get<std::string>();
    endpoint.interface = json.at("interface").get<std::string>();
    endpoint.default_route = json.at("default_route").get<bool>();
    endpoint.names = json.at("names").get<std::vector<std::string>>();
    for (const nlohmann::json& port : json.at("ports")) {
      endpoint.ports.push_back({parse_protocol(port.at("protocol").get<std::string>()),
                                canonical_address(port.at("host_address").get<std::string>()),
                                port.at("host_port").get<std::uint16_t>(),
                                port.at("container_port").get<std::uint16_t>()});
    }
    return endpoint;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::kInternal, fmt::format("invalid endpoint on record: {}", error.what()));
  }
}

}  // namespace berth::network
