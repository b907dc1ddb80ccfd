#include "daemon/container/health_monitor.hpp"

#include "common/error.hpp"
#include "common/units.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/exec_op.hpp"

namespace berth::container {

namespace {

constexpr int kNotEnded = -1;

Task<HealthResult> run_check(Services& services, ContainerPtr container, const HealthCheck& check) {
  HealthResult result;
  result.start = now();
  try {
    Command command;
    command.arguments = check.command;
    command.timeout = check.timeout;
    CommandResult ran = co_await run_command(services, container, std::move(command));
    result.exit_code = ran.exit_code;
    result.output = std::move(ran.output);
    if (ran.output_cut) result.output += "...";
    if (ran.timed_out) {
      result.exit_code = kNotEnded;
      std::string text = "Health check exceeded timeout (" + format_duration(check.timeout) + ")";
      if (!result.output.empty()) text += ": " + result.output;
      result.output = std::move(text);
    }
  } catch (const Error& error) {
    result.exit_code = kNotEnded;
    result.output = error.what();
  }
  result.end = now();
  co_return result;
}

Task<> check_until(Services& services, ContainerPtr container, HealthCheck check,
                   std::shared_ptr<Outcome> exit) {
  for (;;) {
    const RunState& state = container->state;
    const auto since_start = now() - state.started_at.value_or(now());
    if (co_await exit->wait_for(next_check(check, *state.health, since_start))) co_return;
    if (state.status != Status::kRunning) continue;  // paused: nothing could answer
    HealthResult result = co_await run_check(services, container, check);
    // A check that the container's end broke off says nothing; nor one of a pause's.
    if (exit->settled() || container->next_exit != exit) co_return;
    if (state.status != Status::kRunning) continue;
    const Timestamp started = state.started_at.value_or(result.start);
    if (!container->state.health->apply(std::move(result), check, started)) continue;
    co_await services.store.save_state(*container);
    publish(services, *container,
            "health_status: " + std::string(to_string(container->state.health->status)));
  }
}

}  // namespace

void watch_health(Services& services, const ContainerPtr& container) {
  const auto check = health_check(container->definition.config);
  if (!check) return;
  if (!container->state.health) container->state.health.emplace();
  services.tasks.spawn("health of " + container->name,
                       [&services, container, check = *check, exit = container->next_exit] {
                         return check_until(services, container, check, exit);
                       });
}

}  // namespace berth::container
