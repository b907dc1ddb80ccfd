#include "daemon/container/validate.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"
#include "common/units.hpp"
#include "daemon/container/devices.hpp"
#include "daemon/container/health.hpp"
#include "daemon/container/joins.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/resources.hpp"
#include "daemon/container/restart_policy.hpp"
#include "daemon/container/security_options.hpp"
#include "daemon/container/signals.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/seccomp/seccomp.hpp"

namespace berth::container {

namespace {

constexpr std::size_t kMaxHostname = 63;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}
[[noreturn]] void unsupported(const std::string& message) {
  throw Error(ErrorKind::kNotImplemented, message);
}

void check_config(const api::ContainerConfig& config) {
  if (config.image.empty()) refuse("no image was given: the field Image must name one");
  if (config.hostname.size() > kMaxHostname) {
    refuse("invalid hostname \"" + config.hostname + "\": must be at most 63 characters");
  }
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/')) {
    refuse("the working directory '" + config.working_dir +
           "' is invalid, it needs to be an absolute path");
  }
  for (const std::string& variable : config.env) {
    if (variable.empty() || variable.front() == '=')
      refuse("invalid environment variable: \"" + variable + "\"");
    if (variable.find('\0') != std::string::npos)
      refuse("an environment variable contains a NUL byte");
  }
  if (!config.stop_signal.empty()) parse_signal(config.stop_signal);
  if (config.healthcheck) check_health_config(*config.healthcheck);
}

/// `what` as the message has it: "invalid <what>: <mode>".
void check_mode(const char* what, const std::string& mode,
                std::initializer_list<std::string_view> known) {
  if (mode.empty() || mode == "host" ||
      std::find(known.begin(), known.end(), mode) != known.end() || !joined_name(mode).empty())
    return;
  refuse("invalid " + std::string(what) + ": " + mode);
}

void check_alone(const char* what, const std::string& mode,
                 std::initializer_list<std::string_view> known) {
  if (!joined_name(mode).empty()) refuse("invalid " + std::string(what) + ": " + mode);
  check_mode(what, mode, known);
}

void check_namespaces(const api::CreateRequest& request) {
  const api::HostConfig& host_config = request.host_config;
  check_mode("PID mode", host_config.pid_mode, {});
  check_mode("IPC mode", host_config.ipc_mode, {"private", "none", "shareable"});
  check_alone("UTS mode", host_config.uts_mode, {});
  check_alone("cgroup namespace mode", host_config.cgroupns_mode, {"private"});
  check_alone("USER mode", host_config.userns_mode, {});
  if (host_config.uts_mode == "host" && !request.config.hostname.empty())
    refuse("conflicting options: hostname and the UTS mode");
}

/// What a container that lives in another's network cannot have of its own.
void check_joined_network(const api::CreateRequest& request) {
  const api::HostConfig& host_config = request.host_config;
  const std::string& mode = host_config.network_mode;
  if (mode == "container" || mode == "container:")
    refuse("invalid container format container:<name|id>");
  const bool joins = !joined_name(mode).empty();
  const auto conflict = [&](bool found, const char* what) {
    if (found) refuse(std::string("conflicting options: ") + what);
  };
  conflict((joins || mode == "host") && !request.config.mac_address.empty(),
           "mac-address and the network mode");
  if (!joins) return;
  conflict(!request.config.hostname.empty(), "hostname and the network mode");
  conflict(!host_config.links.empty(),
           "container type network can't be used with links. This would result in undefined "
           "behavior");
  conflict(!host_config.dns.empty(), "dns and the network mode");
  conflict(!host_config.extra_hosts.empty(), "custom host-to-IP mapping and the network mode");
  conflict(!host_config.port_bindings.empty() || host_config.publish_all_ports,
           "port publishing and the container type network mode");
  conflict(!request.config.exposed_ports.empty(),
           "port exposing and the container type network mode");
}

void check_restart(const api::HostConfig& host_config) {
  check_restart_policy(host_config.restart_policy);
  if (host_config.auto_remove && has_restart_policy(host_config.restart_policy))
    refuse("can't create 'AutoRemove' container with restart policy");
}

/// In the words that users of GPUs look for. No driver that could be selected exists.
[[noreturn]] void refuse_device_request(const api::DeviceRequest& wanted) {
  std::string capabilities;
  for (const api::StringList& set : wanted.capabilities)
    capabilities += (capabilities.empty() ? "[" : " [") + join(set, " ") + "]";
  unsupported("could not select device driver \"" + wanted.driver + "\" with capabilities: [" +
              capabilities + "]");
}

void check_unsupported(const api::HostConfig& host_config) {
  if (!host_config.volume_driver.empty() && host_config.volume_driver != "local") {
    unsupported("volume driver \"" + host_config.volume_driver + "\" is not supported: use local");
  }
  if (!host_config.cgroup.empty())
    unsupported("Cgroup is not supported: use CgroupParent and CgroupnsMode");
  if (!host_config.links.empty()) unsupported("Links are not supported: use ExtraHosts");
  if (!host_config.volumes_from.empty())
    unsupported("VolumesFrom is not supported: use bind mounts");
  if (!host_config.resources.device_requests.empty()) {
    refuse_device_request(host_config.resources.device_requests.front());
  }
  for (const auto& [key, value] : host_config.storage_opt) {
    if (key != "size") refuse("unknown option " + key);
    unsupported(
        "--storage-opt is supported only for overlay over xfs with 'pquota' mount option, which "
        "this storage driver does not use: size " +
        value);
  }
  if (!host_config.isolation.empty() && host_config.isolation != "default") {
    refuse("invalid isolation \"" + host_config.isolation + "\": must be default on Linux");
  }
}

void check_limits(const api::HostConfig& host_config) {
  check_resources(host_config.resources, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  if (host_config.shm_size < 0) refuse("SHM size can not be less than 0");
  if (host_config.oom_score_adj < -1000 || host_config.oom_score_adj > 1000) {
    refuse("Invalid value " + std::to_string(host_config.oom_score_adj) +
           ", range for oom score adj is [-1000, 1000]");
  }
  for (const api::Ulimit& limit : host_config.resources.ulimits) {
    if (!is_ulimit_name(limit.name)) refuse("invalid ulimit type: " + limit.name);
    if (limit.hard >= 0 && (limit.soft > limit.hard || limit.soft < 0)) {
      refuse("ulimit " + limit.name + ": soft limit must be less than or equal to hard limit: " +
             std::to_string(limit.soft) + " > " + std::to_string(limit.hard));
    }
  }
}

void check_security(const api::HostConfig& host_config) {
  const SecurityOptions security = parse_security_options(host_config.security_opt);
  if (!security.seccomp_profile.empty())
    seccomp::check_profile(security.seccomp_profile, effective_capabilities(host_config));
}

void check_sysctls(const api::HostConfig& host_config) {
  static const std::set<std::string_view> kIpc = {
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
      "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
  for (const auto& [key, value] : host_config.sysctls) {
    const bool of_network = key.starts_with("net.");
    const bool of_ipc = kIpc.contains(key) || key.starts_with("fs.mqueue.");
    if (!of_network && !of_ipc)
      refuse("sysctl \"" + key + "\" is not in a separate kernel namespace");
    if (key.find('/') != std::string::npos || key.find("..") != std::string::npos) {
      refuse("invalid sysctl \"" + key + "\": write it with single dots");
    }
    if (of_network && host_config.network_mode == "host") {
      refuse("sysctl \"" + key +
             "\" is not allowed when the container shares the host's network namespace");
    }
    if (of_ipc && host_config.ipc_mode == "host") {
      refuse("sysctl \"" + key +
             "\" is not allowed when the container shares the host's ipc namespace");
    }
  }
}

}  // namespace

void validate_name(const std::string& name) {
  if (!is_valid_name(name)) {
    refuse("Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  }
}

void validate(const api::CreateRequest& request) {
  check_config(request.config);
  check_namespaces(request);
  check_joined_network(request);
  check_restart(request.host_config);
  check_unsupported(request.host_config);
  // Without a driver, the daemon's own is still to come.
  if (!request.host_config.log_config.type.empty())
    check_log_config(request.host_config.log_config);
  check_limits(request.host_config);
  check_sysctls(request.host_config);
  check_mounts(request.host_config);
  check_security(request.host_config);
  effective_capabilities(request.host_config);
  device_nodes(request.host_config);
  for (const std::string& rule : request.host_config.resources.device_cgroup_rules)
    parse_device_rule(rule);
  oci_resources(request.host_config.resources);
}

void validate_runtime(const std::string& name, const Settings& settings) {
  if (name != kOwnRuntime && !settings.runtimes.contains(name))
    refuse("unknown or invalid runtime name: " + name);
}

void validate_complete(const api::ContainerConfig& config) {
  const auto arguments = process_arguments(config);
  if (arguments.empty() || arguments[0].empty()) refuse("no command specified");
}

}  // namespace berth::container
