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

/// What a start knows beyond the definition.
struct SpecInput {
  const Definition& definition;
  const Settings& settings;
  std::filesystem::path folder;  // hosts, hostname and resolv.conf are in it
  std::string hostname;
  /// Of the container whose network this one joins; 0 for none.
  int network_pid = 0;
};

/// Throws Error{kInvalidArgument} for a device that is none, and so on.
nlohmann::json build_spec(const SpecInput& input);

/// The names, "CAP_..." and sorted, that the process may have. Throws Error{kInvalidArgument} for
/// unknown ones.
std::vector<std::string> effective_capabilities(const api::HostConfig& host_config);

/// Entrypoint and command together.
std::vector<std::string> process_arguments(const api::ContainerConfig& config);

/// <cgroup parent>/<id>.
std::string cgroups_path(const Definition& definition, const Settings& settings);

}  // namespace berth::container
