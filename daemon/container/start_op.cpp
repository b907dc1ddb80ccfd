#include "daemon/container/start_op.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/log/log.hpp"
#include "daemon/async/rollback.hpp"
#include "daemon/container/apparmor.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/exit_op.hpp"
#include "daemon/container/health_monitor.hpp"
#include "daemon/container/joins.hpp"
#include "daemon/container/launch_document.hpp"
#include "daemon/container/log_receiver.hpp"
#include "daemon/container/network_files.hpp"
#include "daemon/container/network_mode.hpp"
#include "daemon/container/propagation.hpp"
#include "daemon/container/remove_op.hpp"
#include "daemon/container/volumes.hpp"

namespace berth::container {

namespace {

/// Everything that one start holds until it is complete.
struct Start {
  Services& services;
  ContainerPtr container;
  std::optional<CheckpointName> checkpoint;
  Joins joins;
  Rollback rollback;
  network::Reservation reservation;
  std::shared_ptr<shim::ShimClient> shim;
};

void check_startable(const Container& container) {
  if (container.state.status == Status::kPaused) {
    throw Error(ErrorKind::kConflict, "cannot start a paused container, try unpause instead");
  }
  if (container.state.is_active()) {
    throw Error(ErrorKind::kNotModified, "container " + container.name + " is already running");
  }
  if (container.state.status == Status::kRemoving || container.removed->settled()) {
    throw Error(ErrorKind::kConflict,
                "container is marked for removal and cannot be started: " + container.id().str());
  }
}

/// A place in each of its networks, and the host's ports.
Task<> reserve_network(Start& start) {
  auto requests = endpoint_requests(start.services.networks, *start.container);
  if (requests.empty()) co_return;
  start.rollback.add("network endpoints",
                     [&services = start.services, container = start.container] {
                       return release_endpoints(services, container);
                     });
  for (network::EndpointRequest& request : requests) {
    network::Reservation made = co_await start.services.network.reserve(std::move(request));
    start.container->endpoints.push_back(made.endpoint);
    if (!made.listeners.empty()) start.reservation = std::move(made);
  }
}

Task<> launch(Start& start) {
  Container& container = *start.container;
  LaunchExtras extras;
  if (start.checkpoint)
    extras.restore = co_await restore_document(start.services, start.container, *start.checkpoint);
  const api::LogConfig& log = container.definition.host_config.log_config;
  if (is_sending_driver(log.type)) {
    auto look_up = [address = log_address(log)] { return resolve(address); };
    extras.log_receivers = co_await start.services.fast.run(std::move(look_up));
  }
  shim::LaunchRequest request =
      launch_request(start.services, container, start.joins, start.reservation, std::move(extras));
  start.shim = co_await shim::ShimClient::launch(start.services.control, start.services.fast,
                                                 std::move(request));
  start.rollback.add("shim", [shim = start.shim] { return shim->abandon(); });
}

/// While the container's PID 1 waits in its new namespaces: its end of the cable, and who was
/// attached.
Task<> connect(Start& start) {
  shim::Created created = co_await start.shim->created();
  for (const network::Endpoint& endpoint : start.container->endpoints) {
    co_await start.services.network.attach(endpoint, created.network_namespace.duplicate());
  }
  for (WaitingAttachment& waiting : start.container->waiting_attachments) {
    try {
      start.shim->attach(waiting.request, std::move(waiting.stream));
    } catch (const Error& error) {
      // What is wrong with the start itself is told by the next step.
      if (!shim::ShimClient::is_end_of_stream(error.system_error())) throw;
    }
  }
  start.container->waiting_attachments.clear();
}

Task<> run_steps(Start& start) {
  start.joins = joined_containers(start.services, *start.container);
  auto check = [host_config = start.container->definition.host_config,
                apparmor = start.services.settings.apparmor] {
    check_propagation(host_config);
    if (apparmor_profile(host_config, apparmor) == kDefaultApparmorProfile)
      load_default_apparmor_profile();
  };
  co_await start.services.fast.run(std::move(check));
  co_await reserve_network(start);
  co_await write_network_files(start.services, start.container, start.joins.network);
  // The intent is on record before the kernel is touched: a daemon that is killed now finds at its
  // next start which addresses and ports may be in use.
  co_await start.services.store.save_state(*start.container);
  co_await launch(start);
  co_await connect(start);
  const shim::Started started = co_await start.shim->start();
  for (const std::string& warning : start.shim->take_warnings()) {
    log::warn("container {}: {}", start.container->name, warning);
  }
  start.container->shim = start.shim;
  start.container->state.to_running(started.pid, started.at);
}

/// The reason stays with the container, and a client that was attached for this run sees its end.
Task<> fail(Start& start, std::exception_ptr failure) {
  co_await start.rollback.run();
  Container& container = *start.container;
  container.waiting_attachments.clear();
  try {
    std::rethrow_exception(failure);
  } catch (const shim::StartFailure& error) {
    container.state.start_failed(error.exit_code(), error.what());
  } catch (const std::exception& error) {
    container.state.start_failed(128, error.what());
  }
  co_await start.services.store.save_state(container);
}

}  // namespace

Task<> start(Services& services, ContainerPtr container, StartedBy by,
             std::optional<CheckpointName> checkpoint) {
  auto lock = co_await container->operations.lock();
  if (by == StartedBy::kPolicy) {
    if (container->state.status != Status::kRestarting) co_return;
    container->pending_restart.reset();
  } else {
    check_startable(*container);
  }
  Start start{services, container, std::move(checkpoint), {}, {}, {}, {}};
  std::exception_ptr failure;
  try {
    co_await run_steps(start);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    // The undo is not interrupted, whoever went away.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await fail(start, failure);
    lock.unlock();
    // A client that asked for --rm has nobody else to clean up after a container that never ran.
    if (container->definition.host_config.auto_remove) {
      co_await remove(services, container, true, AnonymousVolumes::kRemove);
    }
    std::rethrow_exception(failure);
  }
  start.rollback.release();
  watch_health(services, container);
  if (by == StartedBy::kUser) container->restart_delay = std::chrono::milliseconds(0);
  for (const network::Endpoint& endpoint : container->endpoints)
    publish_network(services, endpoint, "connect");
  publish_volumes(services, *container, "mount");
  publish(services, *container, "start");
  co_await services.store.save_state(*container);
  services.tasks.spawn("supervise " + container->name, [&services, container, shim = start.shim] {
    return supervise(services, container, shim);
  });
}

}  // namespace berth::container
