// Containers: create, list, inspect, wait.
#pragma once

#include "api/container_config.hpp"
#include "api/descriptor.hpp"
#include "api/field.hpp"
#include "api/host_config.hpp"
#include "api/networking.hpp"

namespace berth::api {

/// Body of POST /containers/create.
struct CreateRequest {
  ContainerConfig config;
  HostConfig host_config;
  NetworkingConfig networking_config;

  static constexpr auto fields() {
    using C = CreateRequest;
    return std::tuple{flattened(&C::config), field("HostConfig", &C::host_config),
                      field("NetworkingConfig", &C::networking_config)};
  }
  bool operator==(const CreateRequest&) const = default;
};

struct CreateResponse {
  std::string id;
  StringList warnings;

  static constexpr auto fields() {
    return std::tuple{field("Id", &CreateResponse::id),
                      field("Warnings", &CreateResponse::warnings, Rule::kEmptyCollection)};
  }
  bool operator==(const CreateResponse&) const = default;
};

struct HealthcheckResult {
  std::string start;  // RFC 3339
  std::string end;
  int exit_code = 0;
  std::string output;

  static constexpr auto fields() {
    using H = HealthcheckResult;
    return std::tuple{field("Start", &H::start), field("End", &H::end),
                      field("ExitCode", &H::exit_code), field("Output", &H::output)};
  }
  bool operator==(const HealthcheckResult&) const = default;
};

struct Health {
  std::string status;  // none, starting, healthy, unhealthy
  int failing_streak = 0;
  std::vector<HealthcheckResult> log;

  static constexpr auto fields() {
    using H = Health;
    return std::tuple{field("Status", &H::status), field("FailingStreak", &H::failing_streak),
                      field("Log", &H::log, Rule::kEmptyCollection)};
  }
  bool operator==(const Health&) const = default;
};

struct ContainerState {
  std::string status;  // created, running, paused, restarting, removing, exited, dead
  bool running = false;
  bool paused = false;
  bool restarting = false;
  bool oom_killed = false;
  bool dead = false;
  std::int64_t pid = 0;
  int exit_code = 0;
  std::string error;
  std::string started_at;  // RFC 3339; kZeroTime for never
  std::string finished_at;
  std::optional<Health> health;

  static constexpr auto fields() {
    using S = ContainerState;
    return std::tuple{field("Status", &S::status),
                      field("Running", &S::running),
                      field("Paused", &S::paused),
                      field("Restarting", &S::restarting),
                      field("OOMKilled", &S::oom_killed),
                      field("Dead", &S::dead),
                      field("Pid", &S::pid),
                      field("ExitCode", &S::exit_code),
                      field("Error", &S::error),
                      field("StartedAt", &S::started_at),
                      field("FinishedAt", &S::finished_at),
                      field("Health", &S::health, Rule::kOmitEmpty)};
  }
  bool operator==(const ContainerState&) const = default;
};

/// Answer of GET /containers/{id}/json.
struct ContainerInspect {
  std::string id;
  std::string created;  // RFC 3339
  std::string path;
  StringList args;
  ContainerState state;
  std::string image;  // id
  std::string resolv_conf_path;
  std::string hostname_path;
  std::string hosts_path;
  std::string log_path;
  std::string name;  // with a leading slash
  int restart_count = 0;
  std::string driver;
  std::string platform;
  std::string mount_label;
  std::string process_label;
  std::string app_armor_profile;
  StringList exec_ids;
  HostConfig host_config;
  DriverData graph_driver;
  std::optional<std::int64_t> size_rw;  // with ?size=1
  std::optional<std::int64_t> size_root_fs;
  std::vector<MountPoint> mounts;
  ContainerConfig config;
  NetworkSettings network_settings;
  std::optional<OciDescriptor> image_manifest_descriptor;

  static constexpr auto fields() {
    using enum Rule;
    using C = ContainerInspect;
    return std::tuple{field("Id", &C::id),
                      field("Created", &C::created),
                      field("Path", &C::path),
                      field("Args", &C::args, kEmptyCollection),
                      field("State", &C::state),
                      field("Image", &C::image),
                      field("ResolvConfPath", &C::resolv_conf_path),
                      field("HostnamePath", &C::hostname_path),
                      field("HostsPath", &C::hosts_path),
                      field("LogPath", &C::log_path),
                      field("Name", &C::name),
                      field("RestartCount", &C::restart_count),
                      field("Driver", &C::driver),
                      field("Platform", &C::platform),
                      field("MountLabel", &C::mount_label),
                      field("ProcessLabel", &C::process_label),
                      field("AppArmorProfile", &C::app_armor_profile),
                      field("ExecIDs", &C::exec_ids),
                      field("HostConfig", &C::host_config),
                      field("GraphDriver", &C::graph_driver),
                      field("SizeRw", &C::size_rw, kOmitEmpty),
                      field("SizeRootFs", &C::size_root_fs, kOmitEmpty),
                      field("Mounts", &C::mounts, kEmptyCollection),
                      field("Config", &C::config),
                      field("NetworkSettings", &C::network_settings),
                      field("ImageManifestDescriptor", &C::image_manifest_descriptor, kOmitEmpty)};
  }
  bool operator==(const ContainerInspect&) const = default;
};

struct SummaryHostConfig {
  std::string network_mode;
  StringMap annotations;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("NetworkMode", &SummaryHostConfig::network_mode, kOmitEmpty),
                      field("Annotations", &SummaryHostConfig::annotations, kOmitEmpty)};
  }
  bool operator==(const SummaryHostConfig&) const = default;
};

struct SummaryNetworkSettings {
  std::map<std::string, EndpointSettings> networks;

  static constexpr auto fields() {
    return std::tuple{field("Networks", &SummaryNetworkSettings::networks, Rule::kEmptyCollection)};
  }
  bool operator==(const SummaryNetworkSettings&) const = default;
};

/// An item of GET /containers/json.
struct ContainerSummary {
  std::string id;
  StringList names;  // with leading slashes
  std::string image;
  std::string image_id;
  std::optional<OciDescriptor> image_manifest_descriptor;
  std::string command;
  std::int64_t created = 0;  // seconds since 1970
  std::vector<Port> ports;
  std::int64_t size_rw = 0;  // with ?size=1
  std::int64_t size_root_fs = 0;
  StringMap labels;
  std::string state;
  std::string status;  // "Up 5 minutes", "Exited (0) 3 hours ago"
  SummaryHostConfig host_config;
  SummaryNetworkSettings network_settings;
  std::vector<MountPoint> mounts;

  static constexpr auto fields() {
    using enum Rule;
    using C = ContainerSummary;
    return std::tuple{field("Id", &C::id),
                      field("Names", &C::names),
                      field("Image", &C::image),
                      field("ImageID", &C::image_id),
                      field("ImageManifestDescriptor", &C::image_manifest_descriptor, kOmitEmpty),
                      field("Command", &C::command),
                      field("Created", &C::created),
                      field("Ports", &C::ports, kEmptyCollection),
                      field("SizeRw", &C::size_rw, kOmitEmpty),
                      field("SizeRootFs", &C::size_root_fs, kOmitEmpty),
                      field("Labels", &C::labels, kEmptyCollection),
                      field("State", &C::state),
                      field("Status", &C::status),
                      field("HostConfig", &C::host_config),
                      field("NetworkSettings", &C::network_settings),
                      field("Mounts", &C::mounts, kEmptyCollection)};
  }
  bool operator==(const ContainerSummary&) const = default;
};

struct WaitExitError {
  std::string message;

  static constexpr auto fields() { return std::tuple{field("Message", &WaitExitError::message)}; }
  bool operator==(const WaitExitError&) const = default;
};

/// Answer of POST /containers/{id}/wait.
struct WaitResponse {
  std::optional<WaitExitError> error;
  std::int64_t status_code = 0;

  static constexpr auto fields() {
    return std::tuple{field("Error", &WaitResponse::error, Rule::kOmitEmpty),
                      field("StatusCode", &WaitResponse::status_code)};
  }
  bool operator==(const WaitResponse&) const = default;
};

}  // namespace berth::api
