// The flags that say what container to make, shared by run and create.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/container.hpp"
#include "api/update.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): a library's
class App;
}

namespace berth::client {

/// As given; nothing is parsed yet but whole numbers. Grouped as container_flags.cpp adds them.
struct ContainerFlags {
  using List = std::vector<std::string>;

  // The process
  List attach, env, env_files, labels, label_files, annotations, group_add;
  bool interactive = false, tty = false, init = false, remove = false;
  bool init_given = false;
  std::string name, hostname, domainname, user, working_dir, entrypoint;
  bool entrypoint_given = false;
  std::string stop_signal, restart = "no", cid_file, platform, runtime, isolation;
  std::optional<std::int64_t> stop_timeout;
  std::string detach_keys;
  std::string pull = "missing";
  bool quiet = false;

  // Its files
  List volumes, mounts, tmpfs, volumes_from, storage_opts, devices, device_cgroup_rules;
  std::string volume_driver, shm_size, gpus;
  bool read_only = false;

  // Its networks
  List networks, aliases, links, link_local_ips, publish, expose, dns, dns_options, dns_search,
      add_hosts;
  std::string ip, ip6, mac_address;
  bool publish_all = false;

  // Its limits
  std::string memory, memory_reservation, memory_swap, cpus, cpuset_cpus, cpuset_mems,
      cgroup_parent;
  std::optional<std::int64_t> memory_swappiness, pids_limit;
  std::int64_t cpu_shares = 0, cpu_period = 0, cpu_quota = 0, cpu_rt_period = 0, cpu_rt_runtime = 0;
  std::uint16_t blkio_weight = 0;
  List blkio_weight_devices, read_bps, write_bps, read_iops, write_iops, ulimits, sysctls;
  int oom_score_adj = 0;
  bool oom_kill_disable = false;

  // Its rights and namespaces
  List cap_add, cap_drop, security_opts;
  bool privileged = false;
  std::string pid, ipc, uts, userns, cgroupns;

  // Its log
  std::string log_driver;
  List log_opts;

  // Its health
  std::string health_cmd, health_interval, health_timeout, health_start_period,
      health_start_interval;
  std::int64_t health_retries = 0;
  bool no_healthcheck = false;

  /// IMAGE and what stands behind it.
  std::string image;
  List command;
};

/// Adds the flags to a command that keeps `flags` alive while it parses.
void add_container_flags(CLI::App& app, ContainerFlags& flags);

/// The flags of update: limits that a container can be given later, and its restart policy.
void add_update_flags(CLI::App& app, ContainerFlags& flags);

/// The body of the update request. Throws Error{kInvalidArgument}.
api::UpdateRequest build_update_request(const ContainerFlags& flags);

/// The body of the create request. `detached`: nobody will be attached. Reads the files that flags
/// name. Throws Error{kInvalidArgument}.
api::CreateRequest build_create_request(const ContainerFlags& flags, bool detached);

}  // namespace berth::client
