// The daemon about itself: GET /version and GET /info.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct VersionPlatform {
  std::string name;

  static constexpr auto fields() { return std::tuple{field("Name", &VersionPlatform::name)}; }
  bool operator==(const VersionPlatform&) const = default;
};

struct ComponentVersion {
  std::string name;
  std::string version;
  StringMap details;

  static constexpr auto fields() {
    using C = ComponentVersion;
    return std::tuple{field("Name", &C::name), field("Version", &C::version),
                      field("Details", &C::details, Rule::kOmitEmpty)};
  }
  bool operator==(const ComponentVersion&) const = default;
};

/// Answer of GET /version.
struct Version {
  VersionPlatform platform;
  std::vector<ComponentVersion> components;
  std::string version;
  std::string api_version;
  std::string min_api_version;
  std::string git_commit;
  std::string go_version;  // clients print it; Berth says which compiler it was built with
  std::string os;
  std::string arch;
  std::string kernel_version;
  bool experimental = false;
  std::string build_time;

  static constexpr auto fields() {
    using enum Rule;
    using V = Version;
    return std::tuple{field("Platform", &V::platform),
                      field("Components", &V::components, kOmitEmpty),
                      field("Version", &V::version),
                      field("ApiVersion", &V::api_version),
                      field("MinAPIVersion", &V::min_api_version, kOmitEmpty),
                      field("GitCommit", &V::git_commit),
                      field("GoVersion", &V::go_version),
                      field("Os", &V::os),
                      field("Arch", &V::arch),
                      field("KernelVersion", &V::kernel_version, kOmitEmpty),
                      field("Experimental", &V::experimental, kOmitEmpty),
                      field("BuildTime", &V::build_time, kOmitEmpty)};
  }
  bool operator==(const Version&) const = default;
};

struct PluginsInfo {
  StringList volume;
  StringList network;
  StringList authorization;
  StringList log;

  static constexpr auto fields() {
    using P = PluginsInfo;
    return std::tuple{field("Volume", &P::volume), field("Network", &P::network),
                      field("Authorization", &P::authorization), field("Log", &P::log)};
  }
  bool operator==(const PluginsInfo&) const = default;
};

struct IndexInfo {
  std::string name;
  StringList mirrors;
  bool secure = false;
  bool official = false;

  static constexpr auto fields() {
    using I = IndexInfo;
    return std::tuple{field("Name", &I::name),
                      field("Mirrors", &I::mirrors, Rule::kEmptyCollection),
                      field("Secure", &I::secure), field("Official", &I::official)};
  }
  bool operator==(const IndexInfo&) const = default;
};

struct RegistryServiceConfig {
  StringList insecure_registry_cidrs;
  std::map<std::string, IndexInfo> index_configs;
  StringList mirrors;

  static constexpr auto fields() {
    using enum Rule;
    using R = RegistryServiceConfig;
    return std::tuple{field("InsecureRegistryCIDRs", &R::insecure_registry_cidrs, kEmptyCollection),
                      field("IndexConfigs", &R::index_configs, kEmptyCollection),
                      field("Mirrors", &R::mirrors)};
  }
  bool operator==(const RegistryServiceConfig&) const = default;
};

struct RuntimeInfo {
  std::string path;
  StringList runtime_args;
  StringMap status;

  static constexpr auto fields() {
    using enum Rule;
    using R = RuntimeInfo;
    return std::tuple{field("path", &R::path, kOmitEmpty),
                      field("runtimeArgs", &R::runtime_args, kOmitEmpty),
                      field("status", &R::status, kOmitEmpty)};
  }
  bool operator==(const RuntimeInfo&) const = default;
};

struct Commit {
  std::string id;

  static constexpr auto fields() { return std::tuple{field("ID", &Commit::id)}; }
  bool operator==(const Commit&) const = default;
};

struct PeerNode {
  std::string node_id;
  std::string addr;

  static constexpr auto fields() {
    return std::tuple{field("NodeID", &PeerNode::node_id), field("Addr", &PeerNode::addr)};
  }
  bool operator==(const PeerNode&) const = default;
};

/// Berth has no swarm: clients look at LocalNodeState alone.
struct SwarmInfo {
  std::string node_id;
  std::string node_addr;
  std::string local_node_state = "inactive";
  bool control_available = false;
  std::string error;
  std::vector<PeerNode> remote_managers;
  int nodes = 0;
  int managers = 0;

  static constexpr auto fields() {
    using enum Rule;
    using S = SwarmInfo;
    return std::tuple{field("NodeID", &S::node_id),
                      field("NodeAddr", &S::node_addr),
                      field("LocalNodeState", &S::local_node_state),
                      field("ControlAvailable", &S::control_available),
                      field("Error", &S::error),
                      field("RemoteManagers", &S::remote_managers),
                      field("Nodes", &S::nodes, kOmitEmpty),
                      field("Managers", &S::managers, kOmitEmpty)};
  }
  bool operator==(const SwarmInfo&) const = default;
};

struct AddressPool {
  std::string base;
  int size = 0;

  static constexpr auto fields() {
    return std::tuple{field("Base", &AddressPool::base), field("Size", &AddressPool::size)};
  }
  bool operator==(const AddressPool&) const = default;
};

struct FirewallInfo {
  std::string driver;
  std::vector<std::array<std::string, 2>> info;

  static constexpr auto fields() {
    return std::tuple{field("Driver", &FirewallInfo::driver),
                      field("Info", &FirewallInfo::info, Rule::kOmitEmpty)};
  }
  bool operator==(const FirewallInfo&) const = default;
};

struct DeviceInfo {
  std::string source;
  std::string id;

  static constexpr auto fields() {
    return std::tuple{field("Source", &DeviceInfo::source), field("ID", &DeviceInfo::id)};
  }
  bool operator==(const DeviceInfo&) const = default;
};

/// Answer of GET /info.
struct SystemInfo {
  std::string id;
  int containers = 0;
  int containers_running = 0;
  int containers_paused = 0;
  int containers_stopped = 0;
  int images = 0;
  std::string driver;
  std::vector<std::array<std::string, 2>> driver_status;
  PluginsInfo plugins;
  bool memory_limit = false;
  bool swap_limit = false;
  bool kernel_memory_tcp = false;
  bool cpu_cfs_period = false;
  bool cpu_cfs_quota = false;
  bool cpu_shares = false;
  bool cpu_set = false;
  bool pids_limit = false;
  bool ipv4_forwarding = false;
  bool debug = false;
  int fds = 0;
  bool oom_kill_disable = false;
  int goroutines = 0;  // threads, in Berth
  std::string system_time;
  std::string logging_driver;
  std::string cgroup_driver;
  std::string cgroup_version;
  int event_listeners = 0;
  std::string kernel_version;
  std::string operating_system;
  std::string os_version;
  std::string os_type = "linux";
  std::string architecture;
  std::string index_server_address;
  std::optional<RegistryServiceConfig> registry_config;
  int cpus = 0;
  std::int64_t mem_total = 0;
  std::vector<RawJson> generic_resources;
  std::string docker_root_dir;
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
  std::string name;
  StringList labels;
  bool experimental_build = false;
  std::string server_version;
  std::map<std::string, RuntimeInfo> runtimes;
  std::string default_runtime;
  SwarmInfo swarm;
  bool live_restore_enabled = false;
  std::string isolation;  // of Windows; every answer shows it
  std::string init_binary;
  Commit containerd_commit;
  Commit runc_commit;
  Commit init_commit;
  StringList security_options;
  std::string product_license;
  std::vector<AddressPool> default_address_pools;
  std::optional<FirewallInfo> firewall_backend;
  StringList cdi_spec_dirs;
  std::vector<DeviceInfo> discovered_devices;
  StringList warnings;

 private:
  static constexpr auto counts() {
    using enum Rule;
    using S = SystemInfo;
    return std::tuple{field("ID", &S::id),
                      field("Containers", &S::containers),
                      field("ContainersRunning", &S::containers_running),
                      field("ContainersPaused", &S::containers_paused),
                      field("ContainersStopped", &S::containers_stopped),
                      field("Images", &S::images),
                      field("Driver", &S::driver),
                      field("DriverStatus", &S::driver_status, kEmptyCollection),
                      field("Plugins", &S::plugins),
                      field("MemoryLimit", &S::memory_limit),
                      field("SwapLimit", &S::swap_limit),
                      field("KernelMemoryTCP", &S::kernel_memory_tcp, kOmitEmpty),
                      field("CpuCfsPeriod", &S::cpu_cfs_period),
                      field("CpuCfsQuota", &S::cpu_cfs_quota),
                      field("CPUShares", &S::cpu_shares),
                      field("CPUSet", &S::cpu_set),
                      field("PidsLimit", &S::pids_limit),
                      field("IPv4Forwarding", &S::ipv4_forwarding),
                      field("Debug", &S::debug),
                      field("NFd", &S::fds),
                      field("OomKillDisable", &S::oom_kill_disable),
                      field("NGoroutines", &S::goroutines)};
  }
  static constexpr auto machine() {
    using enum Rule;
    using S = SystemInfo;
    return std::tuple{field("SystemTime", &S::system_time),
                      field("LoggingDriver", &S::logging_driver),
                      field("CgroupDriver", &S::cgroup_driver),
                      field("CgroupVersion", &S::cgroup_version, kOmitEmpty),
                      field("NEventsListener", &S::event_listeners),
                      field("KernelVersion", &S::kernel_version),
                      field("OperatingSystem", &S::operating_system),
                      field("OSVersion", &S::os_version),
                      field("OSType", &S::os_type),
                      field("Architecture", &S::architecture),
                      field("IndexServerAddress", &S::index_server_address),
                      field("RegistryConfig", &S::registry_config),
                      field("NCPU", &S::cpus),
                      field("MemTotal", &S::mem_total),
                      field("GenericResources", &S::generic_resources)};
  }
  static constexpr auto configuration() {
    using enum Rule;
    using S = SystemInfo;
    return std::tuple{field("DockerRootDir", &S::docker_root_dir),
                      field("HttpProxy", &S::http_proxy),
                      field("HttpsProxy", &S::https_proxy),
                      field("NoProxy", &S::no_proxy),
                      field("Name", &S::name),
                      field("Labels", &S::labels, kEmptyCollection),
                      field("ExperimentalBuild", &S::experimental_build),
                      field("ServerVersion", &S::server_version),
                      field("Runtimes", &S::runtimes, kEmptyCollection),
                      field("DefaultRuntime", &S::default_runtime),
                      field("Swarm", &S::swarm),
                      field("LiveRestoreEnabled", &S::live_restore_enabled),
                      field("Isolation", &S::isolation),
                      field("InitBinary", &S::init_binary),
                      field("ContainerdCommit", &S::containerd_commit),
                      field("RuncCommit", &S::runc_commit),
                      field("InitCommit", &S::init_commit),
                      field("SecurityOptions", &S::security_options, kEmptyCollection),
                      field("ProductLicense", &S::product_license, kOmitEmpty),
                      field("DefaultAddressPools", &S::default_address_pools, kOmitEmpty),
                      field("FirewallBackend", &S::firewall_backend, kOmitEmpty),
                      field("CDISpecDirs", &S::cdi_spec_dirs, kEmptyCollection),
                      field("DiscoveredDevices", &S::discovered_devices, kOmitEmpty),
                      field("Warnings", &S::warnings)};
  }

 public:
  static constexpr auto fields() { return std::tuple_cat(counts(), machine(), configuration()); }
  bool operator==(const SystemInfo&) const = default;
};

}  // namespace berth::api
