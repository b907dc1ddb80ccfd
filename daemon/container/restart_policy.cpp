#include "daemon/container/restart_policy.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/error.hpp"

namespace berth::container {

using namespace std::chrono_literals;

void check_restart_policy(const api::RestartPolicy& policy) {
  constexpr std::array<std::string_view, 5> kKnown = {"", "no", "always", "unless-stopped",
                                                      "on-failure"};
  if (std::find(kKnown.begin(), kKnown.end(), policy.name) == kKnown.end()) {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid restart policy: unknown policy '" + policy.name +
                    "'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'");
  }
  if (policy.maximum_retry_count < 0) {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid restart policy: maximum retry count cannot be negative");
  }
  if (policy.maximum_retry_count > 0 && policy.name != "on-failure") {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
}

bool has_restart_policy(const api::RestartPolicy& policy) {
  return !policy.name.empty() && policy.name != "no";
}

bool restarts_after_exit(const api::RestartPolicy& policy, const RunState& state, int exit_code) {
  if (!has_restart_policy(policy) || state.manually_stopped) return false;
  if (policy.name != "on-failure") return true;
  const int most = policy.maximum_retry_count;
  return exit_code != 0 && (most == 0 || state.restart_count < most);
}

bool restarts_with_daemon(const api::RestartPolicy& policy, const RunState& state) {
  if (!state.started_at || state.is_running()) return false;
  // The daemon ended while the policy waited.
  if (state.status == Status::kRestarting) return has_restart_policy(policy);
  if (policy.name == "always") return true;
  return policy.name == "unless-stopped" && !state.manually_stopped;
}

std::chrono::milliseconds restart_delay(std::chrono::milliseconds last,
                                        std::chrono::nanoseconds ran_for) {
  if (last <= 0ms || ran_for >= 10s) return 100ms;
  return std::min<std::chrono::milliseconds>(last * 2, 1min);
}

}  // namespace berth::container
