#include "daemon/container/network_mode.hpp"

#include "common/error.hpp"

namespace berth::container {

namespace {

constexpr std::string_view kContainerPrefix = "container:";

void check_joined(Services& services, const Definition& definition, const NetworkMode& mode) {
  services.index.find(mode.container);
  if (!definition.host_config.port_bindings.empty() || definition.host_config.publish_all_ports) {
    throw Error(ErrorKind::kInvalidArgument,
                "conflicting options: port publishing and the container type network mode");
  }
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

void check_network(Services& services, const Definition& definition) {
  const NetworkMode mode = parse_network_mode(definition.host_config.network_mode);
  if (mode.kind == NetworkKind::kContainer) check_joined(services, definition, mode);
  for (const auto& [name, settings] : definition.networking.endpoints_config) {
    parse_network_mode(name);
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

ContainerPtr joined_container(Services& services, const Container& container) {
  const NetworkMode mode = parse_network_mode(container.definition.host_config.network_mode);
  if (mode.kind != NetworkKind::kContainer) return nullptr;
  ContainerPtr joined = services.index.find(mode.container);
  if (!joined->state.is_running()) {
    throw Error(ErrorKind::kConflict,
                "cannot join network of a non running container: " + joined->id().str());
  }
  return joined;
}

}  // namespace berth::container
