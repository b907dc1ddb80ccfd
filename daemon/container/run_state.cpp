#include "daemon/container/run_state.hpp"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace berth::container {

namespace {

constexpr std::array<std::pair<Status, std::string_view>, 7> kWords = {{
    {Status::kCreated, "created"},
    {Status::kRunning, "running"},
    {Status::kPaused, "paused"},
    {Status::kRestarting, "restarting"},
    {Status::kRemoving, "removing"},
    {Status::kExited, "exited"},
    {Status::kDead, "dead"},
}};

std::optional<Timestamp> read_time(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  return parse_rfc3339(found->get<std::string>());
}

}  // namespace

std::string_view to_string(Status status) {
  return kWords[static_cast<std::size_t>(status)].second;
}

Status parse_status(std::string_view text) {
  for (const auto& [status, word] : kWords) {
    if (word == text) return status;
  }
  throw Error(ErrorKind::kInvalidArgument,
              "invalid container state \"" + std::string(text) +
                  "\": must be created, running, paused, restarting, removing, exited or dead");
}

void RunState::to_running(int process, Timestamp when) {
  if (is_running() || status == Status::kRemoving) {
    throw Error(ErrorKind::kInternal,
                "a container that is " + std::string(to_string(status)) + " cannot start");
  }
  const int restarts = status == Status::kRestarting ? restart_count : 0;
  *this = RunState{};
  status = Status::kRunning;
  restart_count = restarts;
  pid = process;
  started_at = when;
}

void RunState::to_paused() {
  if (status != Status::kRunning) throw Error(ErrorKind::kInternal, "only what runs is paused");
  status = Status::kPaused;
}

void RunState::to_resumed() {
  if (status != Status::kPaused) throw Error(ErrorKind::kInternal, "only what is paused goes on");
  status = Status::kRunning;
}

void RunState::to_exited(int code, bool killed_for_memory, Timestamp when) {
  // As other engines show what nobody looks after any more.
  if (health) health->status = HealthStatus::kUnhealthy;
  if (status != Status::kRemoving) status = Status::kExited;
  pid = 0;
  exit_code = code;
  oom_killed = killed_for_memory;
  finished_at = when;
}

void RunState::to_restarting(int code, bool killed_for_memory, Timestamp when) {
  to_exited(code, killed_for_memory, when);
  status = Status::kRestarting;
  ++restart_count;
}

void RunState::restart_cancelled() {
  if (status == Status::kRestarting) status = Status::kExited;
}

void RunState::start_failed(int code, std::string reason) {
  restart_cancelled();
  pid = 0;
  exit_code = code;
  error = std::move(reason);
}

nlohmann::json to_json(const RunState& state) {
  nlohmann::json json{{"status", to_string(state.status)},
                      {"pid", state.pid},
                      {"exit_code", state.exit_code},
                      {"oom_killed", state.oom_killed},
                      {"error", state.error},
                      {"restart_count", state.restart_count},
                      {"manually_stopped", state.manually_stopped}};
  if (state.health) json["health"] = to_json(*state.health);
  if (state.started_at) json["started_at"] = format_rfc3339(*state.started_at);
  if (state.finished_at) json["finished_at"] = format_rfc3339(*state.finished_at);
  return json;
}

RunState run_state_from_json(const nlohmann::json& json) {
  RunState state;
  state.status = parse_status(json.at("status").get<std::string>());
  state.pid = json.at("pid").get<int>();
  state.exit_code = json.at("exit_code").get<int>();
  state.oom_killed = json.at("oom_killed").get<bool>();
  state.error = json.at("error").get<std::string>();
  state.restart_count = json.value("restart_count", 0);
  state.manually_stopped = json.value("manually_stopped", false);
  if (const auto health = json.find("health"); health != json.end())
    state.health = health_from_json(*health);
  state.started_at = read_time(json, "started_at");
  state.finished_at = read_time(json, "finished_at");
  return state;
}

}  // namespace berth::container
