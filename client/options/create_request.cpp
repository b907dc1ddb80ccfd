// From the flags to the body of POST /containers/create.
#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "client/options/container_flags.hpp"
#include "client/options/devices.hpp"
#include "client/options/mounts.hpp"
#include "client/options/networks.hpp"
#include "client/options/value.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

std::int64_t size_or_zero(const std::string& text) {
  return text.empty() ? 0 : parse_memory_size(text);
}

void apply_attach(const ContainerFlags& flags, bool detached, api::ContainerConfig& config) {
  config.tty = flags.tty;
  config.open_stdin = flags.interactive;
  if (detached) {
    if (!flags.attach.empty()) {
      throw Error(ErrorKind::kInvalidArgument,
                  "conflicting options: --attach and --detach cannot be used together");
    }
    return;
  }
  config.attach_stdin = flags.interactive && flags.attach.empty();
  config.attach_stdout = config.attach_stderr = flags.attach.empty();
  for (const std::string& name : flags.attach) {
    const std::string stream = to_lower(name);
    if (stream == "stdin") {
      config.attach_stdin = true;
    } else if (stream == "stdout") {
      config.attach_stdout = true;
    } else if (stream == "stderr") {
      config.attach_stderr = true;
    } else {
      throw invalid_value("stream to attach", name, "stdin, stdout or stderr");
    }
  }
  config.stdin_once = config.open_stdin && config.attach_stdin;
}

std::optional<api::HealthConfig> build_health(const ContainerFlags& flags) {
  api::HealthConfig health;
  if (flags.no_healthcheck) {
    if (!flags.health_cmd.empty()) {
      throw Error(ErrorKind::kInvalidArgument,
                  "conflicting options: --no-healthcheck and --health-cmd cannot be used together");
    }
    health.test = {"NONE"};
    return health;
  }
  const auto duration = [](const char* flag, const std::string& text) -> std::int64_t {
    return text.empty() ? 0 : parse_nanoseconds(flag, text);
  };
  if (!flags.health_cmd.empty()) health.test = {"CMD-SHELL", flags.health_cmd};
  health.interval = duration("--health-interval", flags.health_interval);
  health.timeout = duration("--health-timeout", flags.health_timeout);
  health.start_period = duration("--health-start-period", flags.health_start_period);
  health.start_interval = duration("--health-start-interval", flags.health_start_interval);
  health.retries = flags.health_retries;
  for (const std::int64_t value : {health.interval, health.timeout, health.start_period,
                                   health.start_interval, health.retries}) {
    if (value < 0) {
      throw Error(ErrorKind::kInvalidArgument, "times and retries of health cannot be negative");
    }
  }
  if (health == api::HealthConfig{}) return std::nullopt;
  return health;
}

api::ContainerConfig build_config(const ContainerFlags& flags, bool detached) {
  api::ContainerConfig config;
  config.image = flags.image;
  config.cmd = flags.command;
  config.hostname = flags.hostname;
  config.domainname = flags.domainname;
  config.user = flags.user;
  config.working_dir = flags.working_dir;
  // --entrypoint "" takes the image's away, which the API says with one empty string.
  if (flags.entrypoint_given) config.entrypoint = api::StringList{flags.entrypoint};
  config.env = read_environment(flags.env_files, flags.env);
  config.labels = read_labels(flags.label_files, flags.labels);
  config.volumes = parse_volumes(flags.volumes).anonymous;
  config.stop_signal = flags.stop_signal;
  config.stop_timeout = flags.stop_timeout;
  config.healthcheck = build_health(flags);
  apply_attach(flags, detached, config);
  return config;
}

api::RestartPolicy parse_restart(const std::string& text) {
  constexpr std::string_view kWanted = "no, always, unless-stopped or on-failure[:COUNT]";
  constexpr std::array<std::string_view, 5> kNames = {"", "no", "always", "unless-stopped",
                                                      "on-failure"};
  const std::size_t colon = text.find(':');
  api::RestartPolicy policy;
  policy.name = text.substr(0, colon);
  if (std::find(kNames.begin(), kNames.end(), policy.name) == kNames.end()) {
    throw invalid_value("restart policy", text, kWanted);
  }
  if (policy.name.empty()) policy.name = "no";
  if (colon == std::string::npos) return policy;
  const auto count = parse_number<int>(std::string_view(text).substr(colon + 1));
  if (!count || *count < 0 || policy.name != "on-failure") {
    throw invalid_value("restart policy", text, kWanted);
  }
  policy.maximum_retry_count = *count;
  return policy;
}

/// The option as the daemon takes it: files of seccomp profiles are read here.
std::string resolve_security_option(const std::string& text) {
  constexpr std::string_view kSeccomp = "seccomp";
  const std::size_t separator = text.find_first_of("=:");
  if (separator == std::string::npos || text.substr(0, separator) != kSeccomp) return text;
  const std::string value = text.substr(separator + 1);
  if (value == "unconfined" || value == "builtin" || value.empty()) return text;
  try {
    return "seccomp=" + nlohmann::ordered_json::parse(read_file(value)).dump();
  } catch (const nlohmann::json::exception&) {
    throw invalid_value("seccomp profile", value, "a file that holds JSON");
  }
}

void apply_security(const ContainerFlags& flags, api::HostConfig& host) {
  host.privileged = flags.privileged;
  host.cap_add = flags.cap_add;
  host.cap_drop = flags.cap_drop;
  for (const std::string& option : flags.security_opts) {
    if (option == "systempaths=unconfined") {
      host.masked_paths.emplace();
      host.readonly_paths.emplace();
    } else {
      host.security_opt.push_back(resolve_security_option(option));
    }
  }
  host.pid_mode = flags.pid;
  host.ipc_mode = flags.ipc;
  host.uts_mode = flags.uts;
  host.userns_mode = flags.userns;
  host.cgroupns_mode = flags.cgroupns;
}

void apply_limits(const ContainerFlags& flags, api::Resources& limits) {
  limits.memory = size_or_zero(flags.memory);
  limits.memory_reservation = size_or_zero(flags.memory_reservation);
  limits.memory_swap = flags.memory_swap == "-1" ? -1 : size_or_zero(flags.memory_swap);
  if (flags.memory_swappiness != -1) limits.memory_swappiness = flags.memory_swappiness;
  limits.nano_cpus = flags.cpus.empty() ? 0 : parse_cpus(flags.cpus);
  limits.cpu_shares = flags.cpu_shares;
  limits.cpu_period = flags.cpu_period;
  limits.cpu_quota = flags.cpu_quota;
  limits.cpu_realtime_period = flags.cpu_rt_period;
  limits.cpu_realtime_runtime = flags.cpu_rt_runtime;
  limits.cpuset_cpus = flags.cpuset_cpus;
  limits.cpuset_mems = flags.cpuset_mems;
  limits.pids_limit = flags.pids_limit;
  limits.cgroup_parent = flags.cgroup_parent;
  if (flags.oom_kill_disable) limits.oom_kill_disable = true;
  limits.blkio_weight = flags.blkio_weight;
  limits.blkio_weight_device =
      parse_each<api::WeightDevice>(flags.blkio_weight_devices, parse_weight_device);
  const auto throttles = [](const std::vector<std::string>& values, RateUnit unit) {
    return parse_each<api::ThrottleDevice>(
        values, [unit](const std::string& text) { return parse_throttle_device(text, unit); });
  };
  limits.blkio_device_read_bps = throttles(flags.read_bps, RateUnit::kBytes);
  limits.blkio_device_write_bps = throttles(flags.write_bps, RateUnit::kBytes);
  limits.blkio_device_read_iops = throttles(flags.read_iops, RateUnit::kOperations);
  limits.blkio_device_write_iops = throttles(flags.write_iops, RateUnit::kOperations);
  limits.ulimits = parse_each<api::Ulimit>(flags.ulimits, parse_ulimit);
  limits.devices = parse_each<api::DeviceMapping>(flags.devices, parse_device);
  limits.device_cgroup_rules = flags.device_cgroup_rules;
  if (!flags.gpus.empty()) limits.device_requests.push_back(parse_gpus(flags.gpus));
}

void apply_files(const ContainerFlags& flags, api::HostConfig& host) {
  host.binds = parse_volumes(flags.volumes).binds;
  host.mounts = parse_each<api::Mount>(flags.mounts, parse_mount);
  host.tmpfs = parse_tmpfs(flags.tmpfs);
  host.volumes_from = flags.volumes_from;
  host.volume_driver = flags.volume_driver;
  host.storage_opt = parse_pairs(flags.storage_opts, "storage option");
  host.shm_size = size_or_zero(flags.shm_size);
  host.readonly_rootfs = flags.read_only;
}

}  // namespace

api::UpdateRequest build_update_request(const ContainerFlags& flags) {
  api::UpdateRequest request;
  apply_limits(flags, request.resources);
  if (!flags.restart.empty()) request.restart_policy = parse_restart(flags.restart);
  return request;
}

api::CreateRequest build_create_request(const ContainerFlags& flags, bool detached) {
  api::CreateRequest request;
  request.config = build_config(flags, detached);
  api::HostConfig& host = request.host_config;
  host.auto_remove = flags.remove;
  host.restart_policy = parse_restart(flags.restart);
  if (flags.remove && host.restart_policy.name != "no") {
    throw Error(ErrorKind::kInvalidArgument,
                "conflicting options: --restart and --rm cannot be used together");
  }
  host.container_id_file = flags.cid_file;
  host.log_config.type = flags.log_driver;
  host.log_config.config = parse_pairs(flags.log_opts, "log option");
  host.annotations = parse_pairs(flags.annotations, "annotation");
  host.group_add = flags.group_add;
  host.sysctls = parse_pairs(flags.sysctls, "sysctl");
  host.runtime = flags.runtime;
  host.isolation = flags.isolation;
  host.oom_score_adj = flags.oom_score_adj;
  if (flags.init_given) host.init = flags.init;
  apply_files(flags, host);
  apply_networks(flags, request);
  apply_limits(flags, host.resources);
  apply_security(flags, host);
  return request;
}

}  // namespace berth::client
