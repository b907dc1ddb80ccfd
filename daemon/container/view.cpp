#include "daemon/container/view.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "common/units.hpp"
#include "daemon/container/apparmor.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/network_mode.hpp"
#include "daemon/container/propagation.hpp"
#include "daemon/container/security_options.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/container/spec_defaults.hpp"

namespace berth::container {

namespace {

std::string time_text(const std::optional<Timestamp>& time) {
  return time ? format_rfc3339(*time) : std::string(kZeroTime);
}

api::Health health_of(const Health& health) {
  api::Health shown;
  shown.status = to_string(health.status);
  shown.failing_streak = health.failing_streak;
  for (const HealthResult& result : health.log) {
    shown.log.push_back({format_rfc3339(result.start), format_rfc3339(result.end), result.exit_code,
                         result.output});
  }
  return shown;
}

api::ContainerState state_of(const RunState& state) {
  api::ContainerState shown;
  shown.status = to_string(state.status);
  shown.running = state.is_active();
  shown.paused = state.status == Status::kPaused;
  shown.restarting = state.status == Status::kRestarting;
  shown.dead = state.status == Status::kDead;
  shown.oom_killed = state.oom_killed;
  shown.pid = state.pid;
  shown.exit_code = state.exit_code;
  shown.error = state.error;
  shown.started_at = time_text(state.started_at);
  shown.finished_at = time_text(state.finished_at);
  if (state.health) shown.health = health_of(*state.health);
  return shown;
}

api::MountPoint bind_point(const std::string& source, const std::string& destination, bool writable,
                           const std::string& mode, const std::string& propagation) {
  api::MountPoint point;
  point.type = "bind";
  point.source = source;
  point.destination = destination;
  point.rw = writable;
  point.mode = mode;
  point.propagation = propagation.empty() ? "rprivate" : propagation;
  return point;
}

api::MountPoint volume_point(const VolumeMount& volume) {
  api::MountPoint point;
  point.type = "volume";
  point.name = volume.name;
  point.source = volume.source;
  point.destination = volume.destination;
  point.driver = "local";
  point.mode = volume.mode;
  point.rw = !volume.read_only;
  return point;
}

std::vector<api::MountPoint> mount_points(const Definition& definition) {
  const api::HostConfig& host_config = definition.host_config;
  std::vector<api::MountPoint> points;
  for (const std::string& text : host_config.binds) {
    const Bind bind = parse_bind(text);
    if (bind.is_volume()) continue;
    const bool readonly =
        std::find(bind.options.begin(), bind.options.end(), "ro") != bind.options.end();
    points.push_back(bind_point(bind.source, bind.destination, !readonly, join(bind.options, ","),
                                propagation_of(bind.options)));
  }
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.type == "volume") continue;
    if (wanted.type == "bind") {
      points.push_back(bind_point(wanted.source, wanted.target, !wanted.read_only, "",
                                  wanted.bind_options ? wanted.bind_options->propagation : ""));
    } else {
      api::MountPoint point;
      point.type = wanted.type;
      point.destination = wanted.target;
      point.rw = !wanted.read_only;
      points.push_back(point);
    }
  }
  for (const VolumeMount& volume : definition.volumes)
    points.push_back(volume_point(volume));
  return points;
}

std::string port_key(const network::PublishedPort& port) {
  return std::to_string(port.container_port) + "/" + network::to_string(port.protocol);
}

const network::Endpoint* endpoint_on(const Container& container, const std::string& network) {
  for (const network::Endpoint& endpoint : container.endpoints) {
    if (endpoint.network == network) return &endpoint;
  }
  return nullptr;
}

api::EndpointSettings endpoint_settings(const Container& container,
                                        const std::string& network_name) {
  api::EndpointSettings settings;
  const auto asked = container.definition.networking.endpoints_config.find(network_name);
  if (asked != container.definition.networking.endpoints_config.end()) settings = asked->second;
  const network::Endpoint* const held = endpoint_on(container, network_name);
  if (held == nullptr) return settings;
  const network::Endpoint& endpoint = *held;
  settings.dns_names = endpoint.names;
  settings.network_id = endpoint.network_id.str();
  settings.endpoint_id = endpoint.id.str();
  settings.gateway = endpoint.gateway;
  settings.ip_address = endpoint.address;
  settings.ip_prefix_len = endpoint.prefix_length;
  settings.mac_address = endpoint.mac;
  return settings;
}

std::string network_name(const Container& container) {
  const std::string& mode = container.definition.host_config.network_mode;
  return mode == "default" ? "bridge" : mode;
}

std::map<std::string, api::EndpointSettings> networks_of(const Container& container) {
  const std::string name = network_name(container);
  if (name.starts_with("container:")) return {};
  if (name == "host" || name == "none") return {{name, endpoint_settings(container, name)}};
  std::map<std::string, api::EndpointSettings> networks;
  for (const auto& [each, settings] : container.definition.networking.endpoints_config)
    networks.emplace(each, endpoint_settings(container, each));
  return networks;
}

api::NetworkSettings network_settings(const Container& container) {
  api::NetworkSettings settings;
  settings.networks = networks_of(container);
  if (container.state.is_running()) {
    for (const std::string& port : container.definition.config.exposed_ports)
      settings.ports[port];
    settings.sandbox_id = container.id().str();
    settings.sandbox_key = "/proc/" + std::to_string(container.state.pid) + "/ns/net";
  }
  for (const network::Endpoint& each : container.endpoints) {
    for (const network::PublishedPort& port : each.ports)
      settings.ports[port_key(port)].push_back({port.host_address, std::to_string(port.host_port)});
  }
  const network::Endpoint* const held = endpoint_on(container, "bridge");
  if (held == nullptr) return settings;
  const network::Endpoint& endpoint = *held;
  settings.endpoint_id = endpoint.id.str();
  settings.gateway = endpoint.gateway;
  settings.ip_address = endpoint.address;
  settings.ip_prefix_len = endpoint.prefix_length;
  settings.mac_address = endpoint.mac;
  return settings;
}

std::vector<api::Port> summary_ports(const Container& container) {
  std::vector<api::Port> ports;
  if (!container.state.is_running()) return ports;
  std::vector<network::PublishedPort> published_ports;
  for (const network::Endpoint& endpoint : container.endpoints)
    published_ports.insert(published_ports.end(), endpoint.ports.begin(), endpoint.ports.end());
  for (const std::string& text : container.definition.config.exposed_ports) {
    const auto parts = split(text, '/');
    const auto number = parse_number<std::uint16_t>(parts[0]);
    const std::string type = parts.size() > 1 ? std::string(parts[1]) : "tcp";
    const bool published = std::any_of(
        published_ports.begin(), published_ports.end(), [&](const network::PublishedPort& port) {
          return port.container_port == number && network::to_string(port.protocol) == type;
        });
    if (number && !published) ports.push_back({"", *number, 0, type});
  }
  for (const network::PublishedPort& port : published_ports) {
    ports.push_back({port.host_address, port.container_port, port.host_port,
                     std::string(network::to_string(port.protocol))});
  }
  return ports;
}

/// The command as `ps` shows it: arguments with blanks are quoted.
std::string command_text(const api::ContainerConfig& config) {
  std::string text;
  for (const std::string& argument : process_arguments(config)) {
    if (!text.empty()) text.push_back(' ');
    const bool quote = argument.find_first_of(" \t\n\"'") != std::string::npos;
    text += quote ? "'" + argument + "'" : argument;
  }
  return text;
}

template <typename List>
api::StringList text_list(const List& list) {
  return {list.begin(), list.end()};
}

/// Paths that were left to the default are shown as what they are.
api::HostConfig shown_host_config(const api::HostConfig& host_config) {
  api::HostConfig shown = host_config;
  if (shown.masked_paths && shown.readonly_paths) return shown;
  const bool open =
      shown.privileged || parse_security_options(shown.security_opt).system_paths_unconfined;
  if (!shown.masked_paths) shown.masked_paths = open ? api::StringList{} : text_list(kMaskedPaths);
  if (!shown.readonly_paths)
    shown.readonly_paths = open ? api::StringList{} : text_list(kReadonlyPaths);
  return shown;
}

std::string duration_since(const std::optional<Timestamp>& time, Timestamp at) {
  if (!time) return "Less than a second";
  return format_human_duration(std::max(at - *time, std::chrono::nanoseconds(0)));
}

/// Behind "Up 5 minutes".
std::string health_text(const std::optional<Health>& health) {
  if (!health) return "";
  if (health->status == HealthStatus::kStarting) return " (health: starting)";
  return " (" + std::string(to_string(health->status)) + ")";
}

}  // namespace

std::string status_text(const RunState& state, Timestamp at) {
  switch (state.status) {
    case Status::kCreated:
      return "Created";
    case Status::kRunning:
      return "Up " + duration_since(state.started_at, at) + health_text(state.health);
    case Status::kPaused:
      return "Up " + duration_since(state.started_at, at) + " (Paused)";
    case Status::kRestarting:
      return "Restarting (" + std::to_string(state.exit_code) + ") " +
             duration_since(state.finished_at, at) + " ago";
    case Status::kRemoving:
      return "Removal In Progress";
    case Status::kExited:
      return "Exited (" + std::to_string(state.exit_code) + ") " +
             duration_since(state.finished_at, at) + " ago";
    case Status::kDead:
      return "Dead";
  }
  return "";
}

api::ContainerInspect inspect(const Container& container, const Settings& settings) {
  const Definition& definition = container.definition;
  const std::filesystem::path folder = settings.container_folder(container.id().str());
  api::ContainerInspect shown;
  shown.id = container.id().str();
  shown.created = format_rfc3339(definition.created);
  const auto arguments = process_arguments(definition.config);
  shown.path = arguments.empty() ? "" : arguments.front();
  if (!arguments.empty()) shown.args.assign(arguments.begin() + 1, arguments.end());
  shown.state = state_of(container.state);
  shown.image = definition.image_id;
  shown.resolv_conf_path = folder / "resolv.conf";
  shown.hostname_path = folder / "hostname";
  shown.hosts_path = folder / "hosts";
  if (definition.host_config.log_config.type == "json-file") {
    shown.log_path = folder / log_file_name(definition);
  }
  shown.name = "/" + container.name;
  shown.restart_count = container.state.restart_count;
  shown.driver = definition.storage_driver;
  shown.platform = definition.platform;
  // Where the kernel has none, what was asked for is shown all the same.
  shown.app_armor_profile =
      settings.apparmor
          ? apparmor_profile(definition.host_config, true)
          : parse_security_options(definition.host_config.security_opt).apparmor_profile;
  for (const auto& [id, exec] : container.execs) {
    if (exec->phase != Exec::Phase::kEnded) shown.exec_ids.push_back(id);
  }
  shown.host_config = shown_host_config(definition.host_config);
  shown.graph_driver.name = definition.storage_driver;
  shown.mounts = mount_points(definition);
  shown.config = definition.config;
  shown.network_settings = network_settings(container);
  return shown;
}

api::ContainerSummary summarise(const Container& container, Timestamp at) {
  const Definition& definition = container.definition;
  api::ContainerSummary shown;
  shown.id = container.id().str();
  shown.names = {"/" + container.name};
  shown.image = definition.config.image;
  shown.image_id = definition.image_id;
  shown.command = command_text(definition.config);
  shown.created =
      std::chrono::floor<std::chrono::seconds>(definition.created).time_since_epoch().count();
  shown.ports = summary_ports(container);
  shown.labels = definition.config.labels;
  shown.state = to_string(container.state.status);
  shown.status = status_text(container.state, at);
  shown.host_config.network_mode = definition.host_config.network_mode;
  shown.host_config.annotations = definition.host_config.annotations;
  shown.network_settings.networks = networks_of(container);
  shown.mounts = mount_points(definition);
  return shown;
}

}  // namespace berth::container
