#include "daemon/container/exit_op.hpp"

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/exec_op.hpp"
#include "daemon/container/lost_shim.hpp"
#include "daemon/container/network_files.hpp"
#include "daemon/container/remove_op.hpp"
#include "daemon/container/restart_op.hpp"
#include "daemon/container/volumes.hpp"

namespace berth::container {

namespace {

void on_notice(Services& services, const ContainerPtr& container, shim::Notice notice) {
  if (notice == shim::Notice::kDetached) {
    publish(services, *container, "detach");
    return;
  }
  publish(services, *container, "oom");
  if (std::exchange(container->state.oom_killed, true)) return;
  services.tasks.spawn(
      "recording that " + container->name + " ran out of memory",
      [&services, container]() -> Task<> { return services.store.save_state(*container); });
}

}  // namespace

Task<> supervise(Services& services, ContainerPtr container,
                 std::shared_ptr<shim::ShimClient> shim) {
  // Not owned by the listener: it is the container's own shim that holds it.
  shim->listen([&services, weak = std::weak_ptr(container)](shim::Notice notice) {
    if (const ContainerPtr alive = weak.lock()) on_notice(services, alive, notice);
  });
  watch_execs(services, container, *shim);
  shim::ExitRecord record = co_await shim->exited();
  co_await handle_exit(services, container, std::move(record));
}

Task<> handle_exit(Services& services, ContainerPtr container, shim::ExitRecord record) {
  {
    const auto lock = co_await container->operations.lock();
    if (record.shim_lost) co_await clear_after_lost_shim(services, container);
    const std::vector<network::Endpoint> endpoints = container->endpoints;
    try {
      co_await release_endpoints(services, container);
    } catch (const std::exception& error) {
      log::error("container {}: cannot give its network back: {}", container->name, error.what());
    }
    end_execs(services, *container);
    // It has its socket's name to take away yet; removing the container waits for that.
    container->ending_shim = std::exchange(container->shim, nullptr);
    const bool oom_told = container->state.oom_killed;
    if (!plan_restart(services, container, record)) {
      container->state.to_exited(record.exit_code, record.oom_killed, record.finished_at);
    }
    if (!record.error.empty()) container->state.error = record.error;
    co_await services.store.save_state(*container);
    if (record.oom_killed && !oom_told) publish(services, *container, "oom");
    const auto duration =
        record.finished_at - container->state.started_at.value_or(record.finished_at);
    publish(services, *container, "die",
            {{"exitCode", std::to_string(record.exit_code)},
             {"execDuration",
              std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count())}});
    for (const network::Endpoint& endpoint : endpoints)
      publish_network(services, endpoint, "disconnect");
    publish_volumes(services, *container, "unmount");
    const auto ended =
        std::exchange(container->next_exit, std::make_shared<Outcome>(services.control));
    ended->settle({record.exit_code, record.error});
  }
  if (container->definition.host_config.auto_remove) {
    try {
      co_await remove(services, container, false, AnonymousVolumes::kRemove);
    } catch (const Error& error) {
      // Somebody else removed it, or is about to.
      if (error.kind() != ErrorKind::kConflict && error.kind() != ErrorKind::kNotFound) throw;
    }
  }
}

}  // namespace berth::container
