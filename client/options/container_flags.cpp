#include "client/options/container_flags.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "client/options/refused.hpp"

namespace berth::client {

namespace {

using List = ContainerFlags::List;

/// A flag that may be given often, with one value each time.
void list(CLI::App& app, const char* names, List& values, const char* help) {
  app.add_option(names, values, help)->allow_extra_args(false)->type_name("LIST");
}

void text(CLI::App& app, const char* names, std::string& value, const char* help,
          const char* type = "STRING") {
  app.add_option(names, value, help)->type_name(type);
}

template <typename Number>
void number(CLI::App& app, const char* names, Number& value, const char* help) {
  app.add_option(names, value, help)->type_name("INT");
}

void add_process_flags(CLI::App& app, ContainerFlags& flags) {
  app.option_defaults()->group("Options");
  list(app, "-a,--attach", flags.attach, "Attach to STDIN, STDOUT or STDERR");
  list(app, "-e,--env", flags.env, "Set environment variables");
  list(app, "--env-file", flags.env_files, "Read in a file of environment variables");
  list(app, "-l,--label", flags.labels, "Set meta data on a container");
  list(app, "--label-file", flags.label_files, "Read in a line delimited file of labels");
  list(app, "--annotation", flags.annotations, "Add an annotation for the OCI runtime");
  list(app, "--group-add", flags.group_add, "Add additional groups to join");
  app.add_flag("-i,--interactive", flags.interactive, "Keep STDIN open even if not attached");
  app.add_flag("-t,--tty", flags.tty, "Allocate a pseudo-TTY");
  app.add_flag("--init", flags.init, "Run an init inside the container that reaps processes");
  app.add_flag("--rm", flags.remove, "Remove the container when it exits");
  text(app, "--name", flags.name, "Assign a name to the container");
  text(app, "-h,--hostname", flags.hostname, "Container host name");
  text(app, "--domainname", flags.domainname, "Container NIS domain name");
  text(app, "-u,--user", flags.user, "Username or UID (format: <name|uid>[:<group|gid>])");
  text(app, "-w,--workdir", flags.working_dir, "Working directory inside the container");
  text(app, "--entrypoint", flags.entrypoint, "Overwrite the default ENTRYPOINT of the image");
  text(app, "--stop-signal", flags.stop_signal, "Signal to stop the container");
  number(app, "--stop-timeout", flags.stop_timeout, "Seconds to wait before it is killed");
  text(app, "--restart", flags.restart, "Restart policy to apply when the container exits");
  text(app, "--cidfile", flags.cid_file, "Write the container ID to the file", "FILE");
  text(app, "--platform", flags.platform, "Set platform if the server can run several");
  text(app, "--runtime", flags.runtime, "Runtime to use for this container");
  text(app, "--isolation", flags.isolation, "Container isolation technology");
  text(app, "--detach-keys", flags.detach_keys, "Override the keys that detach from a container");
  text(app, "--pull", flags.pull, "Pull the image first: always, missing or never");
  app.add_flag("-q,--quiet", flags.quiet, "Suppress the output of a pull");
}

void add_file_flags(CLI::App& app, ContainerFlags& flags) {
  app.option_defaults()->group("File options");
  list(app, "-v,--volume", flags.volumes, "Bind mount a volume");
  list(app, "--mount", flags.mounts, "Attach a filesystem mount to the container");
  list(app, "--tmpfs", flags.tmpfs, "Mount a tmpfs directory");
  list(app, "--volumes-from", flags.volumes_from, "Mount volumes from other containers");
  list(app, "--storage-opt", flags.storage_opts, "Storage driver options for the container");
  list(app, "--device", flags.devices, "Add a host device to the container");
  list(app, "--device-cgroup-rule", flags.device_cgroup_rules, "Add a rule to the allowed devices");
  text(app, "--gpus", flags.gpus, "GPU devices to add ('all' to pass all GPUs)");
  text(app, "--volume-driver", flags.volume_driver, "Volume driver for the container");
  text(app, "--shm-size", flags.shm_size, "Size of /dev/shm", "BYTES");
  app.add_flag("--read-only", flags.read_only, "Mount the root filesystem as read only");
}

void add_network_flags(CLI::App& app, ContainerFlags& flags) {
  app.option_defaults()->group("Network options");
  list(app, "--network,--net", flags.networks, "Connect a container to a network");
  list(app, "--network-alias,--net-alias", flags.aliases, "Add network-scoped alias");
  list(app, "--link", flags.links, "Add link to another container");
  list(app, "--link-local-ip", flags.link_local_ips, "Container link-local addresses");
  list(app, "-p,--publish", flags.publish, "Publish a container's ports to the host");
  app.add_flag("-P,--publish-all", flags.publish_all, "Publish all exposed ports to random ports");
  list(app, "--expose", flags.expose, "Expose a port or a range of ports");
  list(app, "--dns", flags.dns, "Set custom DNS servers");
  list(app, "--dns-option,--dns-opt", flags.dns_options, "Set DNS options");
  list(app, "--dns-search", flags.dns_search, "Set custom DNS search domains");
  list(app, "--add-host", flags.add_hosts, "Add a custom host-to-IP mapping (host:ip)");
  text(app, "--ip", flags.ip, "IPv4 address (e.g., 172.30.100.104)");
  text(app, "--ip6", flags.ip6, "IPv6 address (e.g., 2001:db8::33)");
  text(app, "--mac-address", flags.mac_address, "Container MAC address");
}

void add_changeable_limit_flags(CLI::App& app, ContainerFlags& flags) {
  app.option_defaults()->group("Limit options");
  text(app, "-m,--memory", flags.memory, "Memory limit", "BYTES");
  text(app, "--memory-reservation", flags.memory_reservation, "Memory soft limit", "BYTES");
  text(app, "--memory-swap", flags.memory_swap, "Memory plus swap; -1 for unlimited swap", "BYTES");
  text(app, "--cpus", flags.cpus, "Number of CPUs", "DECIMAL");
  number(app, "-c,--cpu-shares", flags.cpu_shares, "CPU shares (relative weight)");
  number(app, "--cpu-period", flags.cpu_period, "Limit CPU CFS period, in microseconds");
  number(app, "--cpu-quota", flags.cpu_quota, "Limit CPU CFS quota, in microseconds");
  number(app, "--cpu-rt-period", flags.cpu_rt_period, "Limit CPU real-time period");
  number(app, "--cpu-rt-runtime", flags.cpu_rt_runtime, "Limit CPU real-time runtime");
  text(app, "--cpuset-cpus", flags.cpuset_cpus, "CPUs in which to allow execution (0-3, 0,1)");
  text(app, "--cpuset-mems", flags.cpuset_mems, "MEMs in which to allow execution (0-3, 0,1)");
  number(app, "--pids-limit", flags.pids_limit, "Tune the pids limit (-1 for unlimited)");
  number(app, "--blkio-weight", flags.blkio_weight, "Block I/O weight (10 to 1000, 0: off)");
}

void add_limit_flags(CLI::App& app, ContainerFlags& flags) {
  add_changeable_limit_flags(app, flags);
  number(app, "--memory-swappiness", flags.memory_swappiness, "Tune memory swappiness (0 to 100)");
  list(app, "--blkio-weight-device", flags.blkio_weight_devices, "Block I/O weight of a device");
  list(app, "--device-read-bps", flags.read_bps, "Limit read rate (bytes per second)");
  list(app, "--device-write-bps", flags.write_bps, "Limit write rate (bytes per second)");
  list(app, "--device-read-iops", flags.read_iops, "Limit read rate (IO per second)");
  list(app, "--device-write-iops", flags.write_iops, "Limit write rate (IO per second)");
  list(app, "--ulimit", flags.ulimits, "Ulimit options");
  list(app, "--sysctl", flags.sysctls, "Sysctl options");
  text(app, "--cgroup-parent", flags.cgroup_parent, "Optional parent cgroup");
  number(app, "--oom-score-adj", flags.oom_score_adj, "Tune the OOM preferences (-1000 to 1000)");
  app.add_flag("--oom-kill-disable", flags.oom_kill_disable, "Disable the OOM killer");
}

void add_right_flags(CLI::App& app, ContainerFlags& flags) {
  app.option_defaults()->group("Rights and namespaces");
  list(app, "--cap-add", flags.cap_add, "Add Linux capabilities");
  list(app, "--cap-drop", flags.cap_drop, "Drop Linux capabilities");
  list(app, "--security-opt", flags.security_opts, "Security options");
  app.add_flag("--privileged", flags.privileged, "Give extended privileges to this container");
  text(app, "--pid", flags.pid, "PID namespace to use");
  text(app, "--ipc", flags.ipc, "IPC mode to use");
  text(app, "--uts", flags.uts, "UTS namespace to use");
  text(app, "--userns", flags.userns, "User namespace to use");
  text(app, "--cgroupns", flags.cgroupns, "Cgroup namespace to use (host or private)");
  text(app, "--log-driver", flags.log_driver, "Logging driver for the container");
  list(app, "--log-opt", flags.log_opts, "Log driver options");
}

void add_health_flags(CLI::App& app, ContainerFlags& flags) {
  app.option_defaults()->group("Health check options");
  text(app, "--health-cmd", flags.health_cmd, "Command to run to check health");
  text(app, "--health-interval", flags.health_interval, "Time between checks", "DURATION");
  text(app, "--health-timeout", flags.health_timeout, "Longest time of one check", "DURATION");
  text(app, "--health-start-period", flags.health_start_period,
       "Start period during which failures do not count", "DURATION");
  text(app, "--health-start-interval", flags.health_start_interval,
       "Time between checks during the start period", "DURATION");
  number(app, "--health-retries", flags.health_retries, "Failures needed to report unhealthy");
  app.add_flag("--no-healthcheck", flags.no_healthcheck, "Disable the image's HEALTHCHECK");
}

void add_refused_flags(CLI::App& app) {
  add_content_trust_flag(app);
  for (const char* name : {"--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops"})
    refuse_option(app, name, "it is for Windows");
  refuse_option(app, "--kernel-memory", "Linux has no such limit any more");
  refuse_flag(app, "--use-api-socket",
              "it would give the container this whole machine; if that is wanted, mount the "
              "daemon's socket with -v");
}

}  // namespace

void add_container_flags(CLI::App& app, ContainerFlags& flags) {
  add_process_flags(app, flags);
  add_file_flags(app, flags);
  add_network_flags(app, flags);
  add_limit_flags(app, flags);
  add_right_flags(app, flags);
  add_health_flags(app, flags);
  add_refused_flags(app);
  app.option_defaults()->group("Options");
}

void add_update_flags(CLI::App& app, ContainerFlags& flags) {
  add_changeable_limit_flags(app, flags);
  text(app, "--restart", flags.restart, "Restart policy to apply when the container exits");
}

}  // namespace berth::client
