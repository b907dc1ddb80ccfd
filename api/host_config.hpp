// What a container takes from this host.
#pragma once

#include "api/field.hpp"
#include "api/mount.hpp"
#include "api/networking.hpp"
#include "api/resources.hpp"

namespace berth::api {

struct LogConfig {
  std::string type;  // empty: the daemon's default
  StringMap config;

  static constexpr auto fields() {
    return std::tuple{field("Type", &LogConfig::type),
                      field("Config", &LogConfig::config, Rule::kEmptyCollection)};
  }
  bool operator==(const LogConfig&) const = default;
};

struct RestartPolicy {
  std::string name;  // "", no, always, unless-stopped, on-failure
  int maximum_retry_count = 0;

  static constexpr auto fields() {
    return std::tuple{field("Name", &RestartPolicy::name),
                      field("MaximumRetryCount", &RestartPolicy::maximum_retry_count)};
  }
  bool operator==(const RestartPolicy&) const = default;
};

struct HostConfig {
  StringList binds;  // "source:target[:options]"
  std::string container_id_file;
  LogConfig log_config;
  std::string network_mode;
  PortMap port_bindings;
  RestartPolicy restart_policy;
  bool auto_remove = false;
  std::string volume_driver;
  StringList volumes_from;
  std::array<std::uint32_t, 2> console_size{};  // rows, columns
  StringMap annotations;
  StringList cap_add;
  StringList cap_drop;
  std::string cgroupns_mode;
  StringList dns;
  StringList dns_options;
  StringList dns_search;
  StringList extra_hosts;
  StringList group_add;
  std::string ipc_mode;
  std::string cgroup;
  StringList links;
  int oom_score_adj = 0;
  std::string pid_mode;
  bool privileged = false;
  bool publish_all_ports = false;
  bool readonly_rootfs = false;
  StringList security_opt;
  StringMap storage_opt;
  StringMap tmpfs;
  std::string uts_mode;
  std::string userns_mode;
  std::int64_t shm_size = 0;  // 0: the daemon's default
  StringMap sysctls;
  std::string runtime;
  std::string isolation;  // of Windows; every answer shows it
  Resources resources;
  std::vector<Mount> mounts;
  std::optional<StringList> masked_paths;    // absent: the default list
  std::optional<StringList> readonly_paths;  // absent: the default list
  std::optional<bool> init;

  static constexpr auto fields() {
    using enum Rule;
    using H = HostConfig;
    return std::tuple{field("Binds", &H::binds),
                      field("ContainerIDFile", &H::container_id_file),
                      field("LogConfig", &H::log_config),
                      field("NetworkMode", &H::network_mode),
                      field("PortBindings", &H::port_bindings, kEmptyCollection),
                      field("RestartPolicy", &H::restart_policy),
                      field("AutoRemove", &H::auto_remove),
                      field("VolumeDriver", &H::volume_driver),
                      field("VolumesFrom", &H::volumes_from),
                      field("ConsoleSize", &H::console_size),
                      field("Annotations", &H::annotations, kOmitEmpty),
                      field("CapAdd", &H::cap_add, kStringOrList),
                      field("CapDrop", &H::cap_drop, kStringOrList),
                      field("CgroupnsMode", &H::cgroupns_mode),
                      field("Dns", &H::dns, kEmptyCollection),
                      field("DnsOptions", &H::dns_options, kEmptyCollection),
                      field("DnsSearch", &H::dns_search, kEmptyCollection),
                      field("ExtraHosts", &H::extra_hosts),
                      field("GroupAdd", &H::group_add),
                      field("IpcMode", &H::ipc_mode),
                      field("Cgroup", &H::cgroup),
                      field("Links", &H::links),
                      field("OomScoreAdj", &H::oom_score_adj),
                      field("PidMode", &H::pid_mode),
                      field("Privileged", &H::privileged),
                      field("PublishAllPorts", &H::publish_all_ports),
                      field("ReadonlyRootfs", &H::readonly_rootfs),
                      field("SecurityOpt", &H::security_opt),
                      field("StorageOpt", &H::storage_opt, kOmitEmpty),
                      field("Tmpfs", &H::tmpfs, kOmitEmpty),
                      field("UTSMode", &H::uts_mode),
                      field("UsernsMode", &H::userns_mode),
                      field("ShmSize", &H::shm_size),
                      field("Sysctls", &H::sysctls, kOmitEmpty),
                      field("Runtime", &H::runtime, kOmitEmpty),
                      field("Isolation", &H::isolation),
                      flattened(&H::resources),
                      field("Mounts", &H::mounts, kOmitEmpty),
                      field("MaskedPaths", &H::masked_paths),
                      field("ReadonlyPaths", &H::readonly_paths),
                      field("Init", &H::init, kOmitEmpty)};
  }
  bool operator==(const HostConfig&) const = default;
};

}  // namespace berth::api
