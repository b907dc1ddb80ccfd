// What the daemon's configuration says about containers in general.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/resources.hpp"
#include "daemon/container/user_mapping.hpp"

namespace berth::container {

/// A program with the command line of the OCI runtimes.
struct OciRuntime {
  std::string path;
  std::vector<std::string> args;
};

/// The engine's own way to make containers.
inline constexpr std::string_view kOwnRuntime = "berth";

struct Settings {
  std::filesystem::path data_root;
  std::filesystem::path exec_root;
  std::string cgroup_parent = "/berth";
  std::map<std::string, OciRuntime> runtimes;  // other than kOwnRuntime
  std::string default_runtime{kOwnRuntime};
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_options;
  std::int64_t shm_size = std::int64_t{64} << 20U;
  std::string ipc_mode = "private";
  std::string cgroupns_mode = "private";
  std::map<std::string, api::Ulimit> ulimits;  // where a container asks for none of that name
  bool init = false;
  std::filesystem::path init_program;  // berth-init; empty: none was found
  UserMapping user_mapping;            // empty: containers have no user namespaces
  bool no_new_privileges = false;
  bool apparmor = false;        // this machine has it
  std::string seccomp_profile;  // JSON text; empty means the built-in one
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;

  std::filesystem::path containers() const { return data_root / "containers"; }
  std::filesystem::path container_folder(const std::string& id) const { return containers() / id; }
  std::filesystem::path shims() const { return exec_root / "shims"; }
  /// Where the runtime of that name keeps its own state.
  std::filesystem::path runtime_root(const std::string& name) const {
    return exec_root / "runtimes" / name;
  }
};

}  // namespace berth::container
