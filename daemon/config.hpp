// The daemon's configuration: flags and daemon.json, checked once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace berth {

/// Names and meanings are dockerd's where it has the thing.
struct Config {
  std::filesystem::path config_file = "/etc/berth/daemon.json";
  std::vector<std::string> hosts;  // -H; empty: unix:///var/run/berth.sock
  std::filesystem::path data_root = "/var/lib/berth";
  std::filesystem::path exec_root = "/run/berth";
  std::filesystem::path pidfile;
  std::string group = "berth";
  bool group_given = false;
  std::string log_level = "info";
  bool debug = false;
  bool allow_plain_tcp = false;
  std::vector<std::string> labels;

  std::string bridge = "docker0";
  std::string bip;
  std::string fixed_cidr;
  std::string default_gateway;
  int mtu = 1500;
  std::string ip;  // default binding address
  bool iptables = true;
  bool ip_forward = true;
  bool ip_masq = true;
  bool icc = true;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;

  std::string storage_driver;  // empty: the best that works
  std::string cgroup_parent = "/berth";
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_options;
  std::string default_shm_size = "64m";
  std::filesystem::path seccomp_profile;
  bool no_new_privileges = false;
  int shutdown_timeout = 15;

  std::vector<std::string> insecure_registries;
  std::vector<std::string> registry_mirrors;
  int max_concurrent_downloads = 3;

  bool validate_only = false;
};

/// Reads flags, then the file that they name. Prints help or version and exits, as flags ask.
/// Throws Error{kInvalidArgument}: an unknown key, a wrong type, an option in both places.
Config read_config(int argc, char** argv);

/// The same for a daemon.json alone; `given` are the options that flags have set. For tests and
/// reloading.
void apply_config_file(Config& config, const std::string& json,
                       const std::vector<std::string>& given);

}  // namespace berth
