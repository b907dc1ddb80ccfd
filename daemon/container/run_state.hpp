// What a container is doing, and the transitions that are allowed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/time.hpp"

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
  std::string error;  // why the last start failed
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> finished_at;

  bool is_running() const noexcept {
    return status == Status::kRunning || status == Status::kPaused;
  }

  /// The process of a start runs. Throws Error{kInternal} from a state in which it cannot have
  /// started.
  void to_running(int process, Timestamp when);
  /// The process ended.
  void to_exited(int code, bool killed_for_memory, Timestamp when);
  /// A start failed before the process ran; the status stays, the reason is kept.
  void start_failed(int code, std::string reason);
};

nlohmann::json to_json(const RunState& state);
RunState run_state_from_json(const nlohmann::json& json);

}  // namespace berth::container
