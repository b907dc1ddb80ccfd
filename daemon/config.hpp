// The daemon's configuration: flags and daemon.json, checked once. Names and meanings are dockerd's
// where it has the thing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace berth {

struct AddressPoolOption {
  std::string base;  // 172.80.0.0/16
  int size = 0;      // prefix length of each network cut from it

  bool operator==(const AddressPoolOption&) const = default;
};

struct UlimitOption {
  std::int64_t soft = 0;
  std::int64_t hard = 0;

  bool operator==(const UlimitOption&) const = default;
};

/// An OCI runtime other than Berth's own.
struct RuntimeOption {
  std::string path;
  std::vector<std::string> args;

  bool operator==(const RuntimeOption&) const = default;
};

struct Config {
  std::filesystem::path config_file = "/etc/berth/daemon.json";
  std::vector<std::string> hosts;  // never empty once read
  std::filesystem::path data_root = "/var/lib/berth";
  std::filesystem::path exec_root = "/run/berth";
  std::filesystem::path pidfile;
  std::string group = "berth";
  bool group_given = false;  // by somebody: it has to exist
  std::string log_level = "info";
  bool debug = false;
  bool experimental = false;  // clients that ask may offer checkpoints
  bool allow_plain_tcp = false;
  std::vector<std::string> labels;
  int shutdown_timeout = 15;
  bool live_restore = true;

  bool tls = false;
  bool tls_verify = false;
  std::string tls_ca_certificate;
  std::string tls_certificate;
  std::string tls_key;

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
  bool userland_proxy = true;
  std::vector<AddressPoolOption> default_address_pools;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;

  std::string storage_driver;  // empty: the best that works
  std::vector<std::string> storage_options;
  std::string cgroup_parent = "/berth";
  std::vector<std::string> exec_options;
  std::map<std::string, RuntimeOption> runtimes;
  std::string default_runtime = "berth";
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_options;
  std::map<std::string, UlimitOption> default_ulimits;
  std::string default_shm_size = "64m";
  std::filesystem::path seccomp_profile;
  std::string default_ipc_mode = "private";
  std::string default_cgroupns_mode = "private";
  bool init = false;                // run one in every container that does not say
  std::filesystem::path init_path;  // empty: berth-init
  std::string userns_remap;         // user[:group], or "default"
  bool no_new_privileges = false;

  std::vector<std::string> insecure_registries;
  std::vector<std::string> registry_mirrors;
  /// Of registries; empty: what the environment says.
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
  int max_concurrent_downloads = 3;
  int max_concurrent_uploads = 5;
  int max_download_attempts = 5;

  bool validate_only = false;
  std::vector<std::string> flags;  // as given, to read all of it again

  bool operator==(const Config&) const = default;
};

/// Reads flags, then the file that they name, and checks all of it. Prints help or version and
/// exits, as flags ask. Throws Error{kInvalidArgument}: an unknown flag or key, a wrong type, an
/// option in both places, a value that cannot be.
Config read_config(int argc, const char* const* argv);

/// The same without exiting, for SIGHUP and tests. `flags` without the program's name.
Config read_config(const std::vector<std::string>& flags);

/// Makes `current` what `fresh` says in the options that may change while the daemon runs: debug,
/// log-level, labels, shutdown-timeout. Returns the keys of other options that differ: they wait
/// for the next start.
std::vector<std::string> take_reloadable(Config& current, const Config& fresh);

}  // namespace berth
