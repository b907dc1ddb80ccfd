// Whether and when a container that ended is started again. Pure.
#pragma once

#include <chrono>

#include "api/host_config.hpp"
#include "daemon/container/run_state.hpp"

namespace berth::container {

/// Refuses unknown policies and retry counts that mean nothing. Throws Error{kInvalidArgument}.
void check_restart_policy(const api::RestartPolicy& policy);

/// False for "no", which is also what an empty name means.
bool has_restart_policy(const api::RestartPolicy& policy);

/// Whether the policy starts a container again that ended with `exit_code` in `state`.
bool restarts_after_exit(const api::RestartPolicy& policy, const RunState& state, int exit_code);

/// Whether a daemon that starts also starts this container, which is not running: "always" and
/// "unless-stopped" outlive daemon and host.
bool restarts_with_daemon(const api::RestartPolicy& policy, const RunState& state);

/// How long to wait before the next start: 100 ms, doubled each time up to a minute, and from the
/// beginning again for a container that ran for ten seconds. `last` is 0 the first time.
std::chrono::milliseconds restart_delay(std::chrono::milliseconds last,
                                        std::chrono::nanoseconds ran_for);

}  // namespace berth::container
