// What a container is doing, and the transitions that are allowed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/time.hpp"
#include "daemon/container/health.hpp"

namespace berth::container {

enum class Status { kCreated, kRunning, kPaused, kRestarting, kRemoving, kExited, kDead };

/// The API's word: created, running, paused, restarting, removing, exited, dead.
std::string_view to_string(Status status);

/// Throws Error{kInvalidArgument} for any other word.
Status parse_status(std::string_view text);

/// The part of a container that changes. The persisted form is JSON (to_json, run_state_from_json).
struct RunState {
  Status status = Status::kCreated;
  int pid = 0;  // in the daemon's pid namespace, 0 when not running
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;              // why the last start failed
  int restart_count = 0;          // by the restart policy, since a user started it
  bool manually_stopped = false;  // the present or last run was ended on request
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> finished_at;
  std::optional<Health> health;  // of a container that has a health check

  bool is_running() const noexcept {
    return status == Status::kRunning || status == Status::kPaused;
  }

  /// What the API calls "Running": also between two runs that the restart policy makes.
  bool is_active() const noexcept { return is_running() || status == Status::kRestarting; }

  /// The process of a start runs. Throws Error{kInternal} from a state in which it cannot have
  /// started.
  void to_running(int process, Timestamp when);
  /// Between running and paused. Throw Error{kInternal} from any other state.
  void to_paused();
  void to_resumed();
  /// The process ended.
  void to_exited(int code, bool killed_for_memory, Timestamp when);
  /// The process ended, and the restart policy is going to start it again.
  void to_restarting(int code, bool killed_for_memory, Timestamp when);
  /// There will be no such start.
  void restart_cancelled();
  /// A start failed before the process ran; the reason is kept. The status stays, but nothing is
  /// started a second time by the restart policy.
  void start_failed(int code, std::string reason);
};

nlohmann::json to_json(const RunState& state);
RunState run_state_from_json(const nlohmann::json& json);

}  // namespace berth::container
