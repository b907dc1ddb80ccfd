// The OCI runtime specification of a container, from what create fixed. Pure but for look-ups of
// devices.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "daemon/container/definition.hpp"
#include "daemon/container/settings.hpp"

namespace berth::container {

/// First processes of the containers whose namespaces this one joins; 0 for none.
struct JoinedProcesses {
  int network = 0;
  int pid = 0;
  int ipc = 0;
  int user = 0;  // of any of them, in a user namespace that it has
};

/// What a start knows beyond the definition.
struct SpecInput {
  const Definition& definition;
  const Settings& settings;
  std::filesystem::path folder;  // hosts, hostname and resolv.conf are in it
  std::string hostname;
  JoinedProcesses joined;
};

/// Throws Error{kInvalidArgument} for a device that is none, and so on.
nlohmann::json build_spec(const SpecInput& input);

/// Its "process" alone.
nlohmann::json build_process(const SpecInput& input);

/// The names, "CAP_..." and sorted, that the process may have. Throws Error{kInvalidArgument} for
/// unknown ones.
std::vector<std::string> effective_capabilities(const api::HostConfig& host_config);

/// Whether an init of ours is the container's first process. Never in somebody else's process
/// namespace, which has one already.
bool has_init(const api::HostConfig& host_config, const Settings& settings);

/// /proc/<process>/ns/<file>.
std::string namespace_path(int process, std::string_view file);

/// Entrypoint and command together.
std::vector<std::string> process_arguments(const api::ContainerConfig& config);

/// <cgroup parent>/<id>.
std::string cgroups_path(const Definition& definition, const Settings& settings);

}  // namespace berth::container
