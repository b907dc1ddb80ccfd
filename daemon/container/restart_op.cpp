#include "daemon/container/restart_op.hpp"

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/container/restart_policy.hpp"
#include "daemon/container/start_op.hpp"

namespace berth::container {

namespace {

Task<> start_later(Services& services, ContainerPtr container,
                   std::shared_ptr<AsyncSignal> cancelled, std::chrono::milliseconds delay) {
  if (co_await cancelled->wait_for(delay)) co_return;
  try {
    co_await start(services, container, StartedBy::kPolicy);
  } catch (const Error& error) {
    log::warn("container {}: the restart policy cannot start it: {}", container->name,
              error.what());
  }
}

void plan_start(Services& services, const ContainerPtr& container,
                std::chrono::milliseconds delay) {
  const auto cancelled = std::make_shared<AsyncSignal>(services.control);
  container->pending_restart = cancelled;
  services.tasks.spawn("restart " + container->name, [&services, container, cancelled, delay] {
    return start_later(services, container, cancelled, delay);
  });
}

}  // namespace

bool plan_restart(Services& services, const ContainerPtr& container,
                  const shim::ExitRecord& record) {
  RunState& state = container->state;
  const auto& policy = container->definition.host_config.restart_policy;
  if (!restarts_after_exit(policy, state, record.exit_code)) return false;
  const auto ran_for = record.finished_at - state.started_at.value_or(record.finished_at);
  container->restart_delay = restart_delay(container->restart_delay, ran_for);
  state.to_restarting(record.exit_code, record.oom_killed, record.finished_at);
  plan_start(services, container, container->restart_delay);
  return true;
}

Task<bool> cancel_restart(Services& services, ContainerPtr container, bool by_user) {
  const auto lock = co_await container->operations.lock();
  if (container->state.status != Status::kRestarting) co_return false;
  if (container->pending_restart) container->pending_restart->set();
  container->pending_restart.reset();
  container->state.restart_cancelled();
  container->state.manually_stopped = by_user;
  co_await services.store.save_state(*container);
  co_return true;
}

void restart_with_daemon(Services& services) {
  for (const ContainerPtr& container : services.index.all()) {
    // What ended while there was no daemon has its start planned by handle_exit() already.
    if (container->pending_restart) continue;
    const auto& policy = container->definition.host_config.restart_policy;
    if (!restarts_with_daemon(policy, container->state)) continue;
    container->state.status = Status::kRestarting;
    plan_start(services, container, std::chrono::milliseconds(0));
  }
}

}  // namespace berth::container
