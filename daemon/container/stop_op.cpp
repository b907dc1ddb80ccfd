#include "daemon/container/stop_op.hpp"

#include <signal.h>

#include "common/error.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/pause_op.hpp"
#include "daemon/container/restart_op.hpp"
#include "daemon/container/restart_policy.hpp"
#include "daemon/container/signals.hpp"
#include "daemon/container/start_op.hpp"

namespace berth::container {

namespace {

constexpr std::chrono::seconds kDefaultTimeout{10};
// After SIGKILL the kernel owes us the end; a process in uninterruptible sleep may keep it waiting.
constexpr std::chrono::seconds kKillTimeout{10};

[[noreturn]] void refuse_not_running(const Container& container) {
  throw Error(ErrorKind::kConflict, "cannot kill container: " + container.name + ": container " +
                                        container.id().str() + " is not running");
}

void check_running(const Container& container) {
  if (!container.state.is_running() || !container.shim) refuse_not_running(container);
}

/// False when the shim is ending, and the process with it, whose exit nobody has handled yet.
bool send_signal(Services& services, Container& container, int number) {
  if (!container.shim) return false;
  try {
    container.shim->signal(number);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kUnavailable) throw;
    return false;
  }
  publish(services, container, "kill", {{"signal", std::to_string(number)}});
  return true;
}

/// Before the signal goes out: whoever sees the end, this daemon or the next, knows that it was
/// wanted.
Task<> record_wish(Services& services, ContainerPtr container) {
  container->state.manually_stopped = true;
  if (has_restart_policy(container->definition.host_config.restart_policy))
    co_await services.store.save_state(*container);
}

Task<> kill_and_wait(Services& services, ContainerPtr container, std::shared_ptr<Outcome> exit) {
  (void)send_signal(services, *container, SIGKILL);
  co_await resume_if_paused(services, container);
  if (!co_await exit->wait_for(kKillTimeout)) {
    throw Error(ErrorKind::kDeadline, "tried to kill container " + container->id().str() +
                                          ", but did not receive an exit event");
  }
}

int stop_signal(const Container& container, const std::string& asked) {
  if (!asked.empty()) return parse_signal(asked);
  const std::string& own = container.definition.config.stop_signal;
  return own.empty() ? SIGTERM : parse_signal(own);
}

std::chrono::seconds stop_timeout(const Container& container, const StopOptions& options) {
  if (options.timeout) return *options.timeout;
  if (const auto own = container.definition.config.stop_timeout) return std::chrono::seconds(*own);
  return kDefaultTimeout;
}

}  // namespace

Task<> stop(Services& services, ContainerPtr container, StopOptions options) {
  const int number = stop_signal(*container, options.signal);
  if (co_await cancel_restart(services, container, true)) {
    publish(services, *container, "stop");
    co_return;
  }
  if (!container->state.is_running()) {
    throw Error(ErrorKind::kNotModified, "container " + container->name + " is not running");
  }
  const auto exit = container->next_exit;
  const std::chrono::seconds timeout = stop_timeout(*container, options);
  co_await record_wish(services, container);
  (void)send_signal(services, *container, number);
  // It cannot act on the signal while it stands still.
  co_await resume_if_paused(services, container);
  if (timeout.count() < 0) {
    co_await exit->wait();
  } else if (!co_await exit->wait_for(timeout)) {
    co_await kill_and_wait(services, container, exit);
  }
  publish(services, *container, "stop");
}

Task<> kill(Services& services, ContainerPtr container, std::string signal) {
  const int number = signal.empty() ? SIGKILL : parse_signal(signal);
  const bool ends = number == SIGKILL || number == stop_signal(*container, "");
  if (ends && co_await cancel_restart(services, container, true)) co_return;
  check_running(*container);
  const auto exit = container->next_exit;
  if (ends) co_await record_wish(services, container);
  if (number == SIGKILL) {
    co_await kill_and_wait(services, container, exit);
  } else {
    const bool sent = send_signal(services, *container, number);
    if (!sent && !ends) refuse_not_running(*container);
    if (ends) co_await resume_if_paused(services, container);
  }
}

Task<> restart(Services& services, ContainerPtr container, StopOptions options) {
  if (container->state.is_active()) co_await stop(services, container, std::move(options));
  co_await start(services, container);
  publish(services, *container, "restart");
}

}  // namespace berth::container
