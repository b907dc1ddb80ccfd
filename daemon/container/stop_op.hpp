// Ending a container's process: POST /containers/{id}/stop, /kill and /restart
#pragma once

#include <chrono>
#include <optional>

#include "daemon/container/services.hpp"

namespace berth::container {

struct StopOptions {
  std::string signal;  // empty: the container's own, else TERM
  std::optional<std::chrono::seconds>
      timeout;  // negative: wait for ever; absent: the container's own, else 10 s
};

/// Sends the signal and, when the process is still there after the timeout, KILL. Returns when the
/// container is stopped. Throws Error{kNotModified} for one that does not run, {kInvalidArgument}
/// for no signal.
Task<> stop(Services& services, ContainerPtr container, StopOptions options);

/// Sends a signal. After KILL it returns when the container is stopped. Throws Error{kConflict} for
/// one that does not run.
Task<> kill(Services& services, ContainerPtr container, std::string signal);

/// stop, where it runs, then start.
Task<> restart(Services& services, ContainerPtr container, StopOptions options);

}  // namespace berth::container
