#include "daemon/container/recovery.hpp"

#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/log/log.hpp"
#include "daemon/container/exit_op.hpp"
#include "daemon/container/health_monitor.hpp"
#include "daemon/container/lost_shim.hpp"
#include "daemon/container/pause_op.hpp"
#include "daemon/container/remove_op.hpp"
#include "daemon/container/restart_op.hpp"

namespace berth::container {

namespace {

// What users of other engines see of a container that was lost with its host.
constexpr int kLostExitCode = 255;

void load_rows(Services& services) {
  for (Store::Row& row : services.store.load()) {
    auto container = std::make_shared<Container>(services.control, std::move(row.definition),
                                                 std::move(row.name));
    container->state = std::move(row.state);
    container->endpoints = std::move(row.endpoints);
    services.index.add(std::move(container));
  }
}

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    names.insert(entry.path().filename().native());
  }
  return names;
}

/// The record that the shim left, for this run and not for an earlier one.
shim::ExitRecord exit_record(const Services& services, const Container& container) {
  shim::ExitRecord record;
  record.exit_code = kLostExitCode;
  record.finished_at = now();
  record.error = "the container's shim ended without a record of the exit";
  const auto path = services.settings.container_folder(container.id().str()) / "exit.json";
  try {
    const auto json = nlohmann::json::parse(read_file(path));
    const Timestamp finished = parse_rfc3339(json.at("finished_at").get<std::string>());
    if (container.state.started_at && finished < *container.state.started_at) return record;
    record.exit_code = json.at("exit_code").get<int>();
    record.oom_killed = json.value("oom_killed", false);
    record.error = json.value("error", "");
    record.finished_at = finished;
  } catch (const std::exception& error) {
    log::warn("container {}: {}", container.name, error.what());
  }
  return record;
}

/// True when the shim answers and its container runs.
Task<bool> take_over(Services& services, ContainerPtr container) {
  std::shared_ptr<shim::ShimClient> shim;
  try {
    shim = co_await shim::ShimClient::reconnect(services.control,
                                                services.settings.shims() / container->id().str());
  } catch (const std::exception& error) {
    log::info("container {}: its shim is gone: {}", container->name, error.what());
    co_return false;
  }
  const shim::ShimState state = shim->state();
  if (state.phase != shim::Phase::kRunning) {
    // Killed before it ran, or ended while nobody listened: the record tells.
    co_await shim->abandon();
    co_return false;
  }
  if (!container->state.is_running()) {
    container->state.to_running(state.pid, state.started_at);
    co_await services.store.save_state(*container);
  }
  container->state.oom_killed = container->state.oom_killed || state.out_of_memory;
  for (const network::Endpoint& endpoint : container->endpoints)
    services.network.adopt(endpoint);
  container->shim = shim;
  co_await see_whether_paused(services, container);
  watch_health(services, container);
  services.tasks.spawn("supervise " + container->name, [&services, container, shim] {
    return supervise(services, container, shim);
  });
  log::info("container {} goes on, process {}", container->name, state.pid);
  co_return true;
}

Task<> settle(Services& services, ContainerPtr container) {
  const bool ran = container->state.is_running();
  co_await clear_after_lost_shim(services, container);
  if (ran) {
    co_await handle_exit(services, container, exit_record(services, *container));
  } else if (!container->endpoints.empty()) {
    // A start that did not come to its end.
    container->endpoints.clear();
    co_await services.store.save_state(*container);
  }
  if (!ran && container->definition.host_config.auto_remove &&
      container->state.status == Status::kExited) {
    co_await remove(services, container, false, AnonymousVolumes::kRemove);
  }
}

/// A shim without a row: its container was never acknowledged, or is removed already.
Task<> end_stray_shim(Services& services, std::string name) {
  try {
    const auto shim =
        co_await shim::ShimClient::reconnect(services.control, services.settings.shims() / name);
    log::warn("ending the stray shim {}", name);
    co_await shim->abandon();
  } catch (const std::exception&) {
    // Nobody listens there any more.
  }
  std::filesystem::remove(services.settings.shims() / name);
}

Task<> clear_leavings(Services& services, const std::set<std::string>& sockets) {
  for (const std::string& name : sockets) {
    const ContainerPtr owner = services.index.find_by_id(ContainerId(name));
    if (!owner || !owner->shim) co_await end_stray_shim(services, name);
  }
  for (const std::string& name : names_in(services.settings.containers())) {
    if (services.index.find_by_id(ContainerId(name))) continue;
    log::info("removing the folder of the removed container {}", name);
    remove_folder_later(services, name);
  }
  std::set<ContainerId> known;
  for (const ContainerPtr& container : services.index.all())
    known.insert(container->id());
  services.storage.collect(known);
  // In the background: rewriting the rules takes longer than all the rest of a start-up. A
  // container that is attached meanwhile waits for it, and without iptables is told so.
  services.tasks.spawn("clearing the network's leavings",
                       [&services] { return services.network.clear_leavings(); });
}

}  // namespace

Task<> recover(Services& services) {
  load_rows(services);
  const std::set<std::string> sockets = names_in(services.settings.shims());
  std::vector<ContainerPtr> ended;
  for (const ContainerPtr& container : services.index.all()) {
    const bool has_socket = sockets.contains(container->id().str());
    const bool goes_on = has_socket && co_await take_over(services, container);
    const bool unsettled = container->state.is_running() || !container->endpoints.empty() ||
                           has_socket || container->definition.host_config.auto_remove;
    if (!goes_on && unsettled) ended.push_back(container);
  }
  for (const ContainerPtr& container : ended)
    co_await settle(services, container);
  co_await clear_leavings(services, sockets);
  restart_with_daemon(services);
}

}  // namespace berth::container
