#include "daemon/routes/info.hpp"

#include <cstdlib>
#include <filesystem>

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/file.hpp"
#include "common/text.hpp"
#include "common/time.hpp"
#include "daemon/container/list.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::routes {

namespace {

std::string read_or_empty(const char* path) {
  std::error_code error;
  return std::filesystem::exists(path, error) ? read_file(path) : std::string();
}

/// A value of /etc/os-release (os-release(5)), without its quotes.
std::string os_release(const std::string& text, std::string_view key) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key) || line.substr(key.size()).substr(0, 1) != "=") continue;
    line.remove_prefix(key.size() + 1);
    if (line.size() >= 2 && line.front() == '"' && line.back() == '"')
      line = line.substr(1, line.size() - 2);
    return std::string(line);
  }
  return "";
}

int open_descriptors() {
  std::error_code error;
  const auto entries = std::filesystem::directory_iterator("/proc/self/fd", error);
  return static_cast<int>(std::distance(begin(entries), end(entries)));
}

std::string variable(const char* upper, const char* lower) {
  const char* value = std::getenv(upper);
  if (value == nullptr) value = std::getenv(lower);
  return value == nullptr ? "" : value;
}

void describe_machine(api::SystemInfo& info) {
  utsname kernel{};
  ::uname(&kernel);
  info.kernel_version = kernel.release;
  info.architecture = kernel.machine;
  info.name = kernel.nodename;
  static const std::string kRelease = read_or_empty("/etc/os-release");
  info.operating_system = os_release(kRelease, "PRETTY_NAME");
  info.os_version = os_release(kRelease, "VERSION_ID");
  info.cpus = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  struct sysinfo memory{};
  ::sysinfo(&memory);
  info.mem_total = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;
  info.ipv4_forwarding = trim(read_or_empty("/proc/sys/net/ipv4/ip_forward")) == "1";
  info.system_time = format_rfc3339(now());
  info.fds = open_descriptors();
}

void describe_limits(api::SystemInfo& info, const runtime::CgroupLayout& layout) {
  info.cgroup_driver = layout.mode == runtime::CgroupLayout::Mode::kNone ? "none" : "cgroupfs";
  info.cgroup_version = layout.mode == runtime::CgroupLayout::Mode::kV2 ? "2" : "1";
  const bool memory = layout.find("memory") != nullptr;
  const bool cpu = layout.find("cpu") != nullptr;
  info.memory_limit = memory;
  info.swap_limit = memory;
  info.oom_kill_disable = memory && info.cgroup_version == "1";
  info.cpu_cfs_period = info.cpu_cfs_quota = info.cpu_shares = cpu;
  info.cpu_set = layout.find("cpuset") != nullptr;
  info.pids_limit = layout.find("pids") != nullptr;
  const auto missing = [&](bool there, const char* text) {
    if (!there) info.warnings.emplace_back(text);
  };
  missing(memory, "WARNING: No memory limit support");
  missing(cpu, "WARNING: No cpu shares support");
  missing(info.cpu_set, "WARNING: No cpuset support");
  missing(info.pids_limit, "WARNING: No pids limit support");
}

api::RegistryServiceConfig registry_config(const Config& config) {
  api::RegistryServiceConfig shown;
  shown.insecure_registry_cidrs = {"127.0.0.0/8", "::1/128"};
  shown.mirrors = config.registry_mirrors;
  api::IndexInfo hub;
  hub.name = "docker.io";
  hub.mirrors = config.registry_mirrors;
  hub.secure = true;
  hub.official = true;
  shown.index_configs["docker.io"] = hub;
  for (const std::string& registry : config.insecure_registries) {
    if (registry.find('/') != std::string::npos) {
      shown.insecure_registry_cidrs.push_back(registry);
    } else {
      shown.index_configs[registry].name = registry;
    }
  }
  return shown;
}

/// The proxy in use, without the password that may be in its URL.
std::string shown_proxy(const std::string& configured, const std::string& inherited) {
  std::string url = configured.empty() ? inherited : configured;
  const std::size_t at = url.rfind('@');
  if (at == std::string::npos) return url;
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == std::string::npos || scheme > at ? 0 : scheme + 3;
  return url.replace(start, at - start, "xxxxx:xxxxx");
}

void describe_configuration(api::SystemInfo& info, const Config& config) {
  info.debug = config.debug;
  info.experimental_build = config.experimental;
  info.logging_driver = config.log_driver;
  info.labels = config.labels;
  info.docker_root_dir = config.data_root;
  info.http_proxy = shown_proxy(config.http_proxy, variable("HTTP_PROXY", "http_proxy"));
  info.https_proxy = shown_proxy(config.https_proxy, variable("HTTPS_PROXY", "https_proxy"));
  info.no_proxy = config.no_proxy.empty() ? variable("NO_PROXY", "no_proxy") : config.no_proxy;
  info.registry_config = registry_config(config);
  info.index_server_address = "https://index.docker.io/v1/";
  info.server_version = BERTH_VERSION;
  info.runtimes["berth"].path = "berth-shim";
  info.live_restore_enabled = true;
  for (const AddressPoolOption& pool : config.default_address_pools)
    info.default_address_pools.push_back({pool.base, pool.size});
  info.security_options = {
      "name=seccomp,profile=" +
          (config.seccomp_profile.empty() ? "builtin" : config.seccomp_profile.native()),
      "name=cgroupns"};
  if (config.no_new_privileges) info.security_options.emplace_back("name=no-new-privileges");
  info.plugins.volume = {"local"};
  info.plugins.network = {"bridge", "host", "null"};
  info.plugins.log = {"fluentd", "gelf", "journald", "json-file", "local", "none", "syslog"};
}

}  // namespace

api::SystemInfo system_info(container::Services& services, const DaemonFacts& facts) {
  api::SystemInfo info;
  info.id = facts.id;
  const container::Counts counts = container::count(services);
  info.containers = counts.running + counts.paused + counts.stopped;
  info.containers_running = counts.running;
  info.containers_paused = counts.paused;
  info.containers_stopped = counts.stopped;
  info.images = static_cast<int>(services.images.count());
  info.driver = services.storage.name();
  for (const auto& [key, value] : services.storage.status())
    info.driver_status.push_back({key, value});
  describe_machine(info);
  describe_limits(info, *facts.cgroups);
  describe_configuration(info, facts.config);
  info.init_binary = services.settings.init_program.filename();
  if (services.settings.apparmor)
    info.security_options.insert(info.security_options.begin(), "name=apparmor");
  if (!services.settings.user_mapping.empty()) info.security_options.emplace_back("name=userns");
  info.default_runtime = services.settings.default_runtime;
  for (const auto& [name, runtime] : services.settings.runtimes) {
    info.runtimes[name].path = runtime.path;
    info.runtimes[name].runtime_args = runtime.args;
  }
  for (const std::string& warning : services.network.warnings())
    info.warnings.push_back("WARNING: " + warning);
  return info;
}

}  // namespace berth::routes
