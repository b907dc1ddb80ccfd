#include "daemon/container/joins.hpp"

#include <filesystem>

#include "common/error.hpp"
#include "daemon/container/container.hpp"
#include "daemon/container/spec.hpp"

namespace berth::container {

namespace {

constexpr std::string_view kPrefix = "container:";

ContainerPtr find(const Index& index, std::string_view name, const std::string& purpose) {
  try {
    return index.find(name);
  } catch (const Error&) {
    if (purpose.empty()) throw;
    rethrow_with_context(purpose + std::string(name));
  }
}

void pin(const Index& index, std::string& mode) {
  const std::string_view name = joined_name(mode);
  if (name.empty()) return;
  try {
    mode = std::string(kPrefix) + index.find(name)->id().str();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kNotFound) throw;
  }
}

void check_running(const Container& container, const std::string& message) {
  if (container.state.status == Status::kRestarting) {
    throw Error(ErrorKind::kConflict, "Container " + container.id().str() +
                                          " is restarting, wait until the container is running");
  }
  if (!container.state.is_running()) throw Error(ErrorKind::kConflict, message);
}

constexpr const char* kJoinPid = "can't join PID namespace of container ";
constexpr const char* kJoinIpc = "can't join IPC of container ";

/// The kernel's name of it, such as "user:[4026531837]".
std::string user_namespace_of(const Container& container) {
  std::error_code error;
  return std::filesystem::read_symlink(namespace_path(container.state.pid, "user"), error).native();
}

ContainerPtr network_of(const Index& index, std::string_view name) {
  ContainerPtr joined = find(index, name, "");
  check_running(*joined, "cannot join network of a non running container: " + joined->id().str());
  return joined;
}

ContainerPtr pid_of(const Index& index, std::string_view name) {
  ContainerPtr joined = find(index, name, kJoinPid);
  const std::string& id = joined->id().str();
  check_running(*joined, kJoinPid + id + ": container " + id + " is not running");
  return joined;
}

ContainerPtr ipc_of(const Index& index, std::string_view name) {
  ContainerPtr joined = find(index, name, kJoinIpc);
  const std::string& id = joined->id().str();
  check_running(*joined, kJoinIpc + id + ": container " + id + " is not running");
  const std::string& mode = joined->definition.host_config.ipc_mode;
  if (mode == "private" || mode == "none") {
    throw Error(ErrorKind::kConflict,
                kJoinIpc + id +
                    ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)");
  }
  return joined;
}

/// Only from its owner's user namespace can another one be used in full. With several containers to
/// join, all must be in one.
void join_user(Joins& joins, const Services& services) {
  for (const ContainerPtr& joined : {joins.network, joins.pid, joins.ipc}) {
    if (!joined) continue;
    if (!has_user_namespace(joined->definition.host_config, services.settings.user_mapping)) {
      throw Error(ErrorKind::kConflict,
                  "cannot join container " + joined->id().str() +
                      " when user namespaces are enabled: it is in the host's (use --userns=host)");
    }
    if (joins.user && user_namespace_of(*joins.user) != user_namespace_of(*joined)) {
      throw Error(ErrorKind::kConflict, "cannot join containers of different user namespaces: " +
                                            joins.user->id().str() + " and " + joined->id().str());
    }
    joins.user = joined;
  }
}

}  // namespace

std::string_view joined_name(std::string_view mode) {
  return mode.starts_with(kPrefix) ? mode.substr(kPrefix.size()) : std::string_view();
}

void pin_joins(const Index& index, api::HostConfig& host_config) {
  pin(index, host_config.network_mode);
  pin(index, host_config.pid_mode);
  pin(index, host_config.ipc_mode);
}

Joins joined_containers(const Services& services, const Container& container) {
  const api::HostConfig& host_config = container.definition.host_config;
  const auto join = [&](const std::string& mode, auto* which) {
    const std::string_view name = joined_name(mode);
    return name.empty() ? nullptr : which(services.index, name);
  };
  Joins joins{join(host_config.network_mode, &network_of), join(host_config.pid_mode, &pid_of),
              join(host_config.ipc_mode, &ipc_of), nullptr};
  if (has_user_namespace(host_config, services.settings.user_mapping)) join_user(joins, services);
  return joins;
}

}  // namespace berth::container
