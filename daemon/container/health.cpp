#include "daemon/container/health.hpp"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace berth::container {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLogLength = 5;
constexpr std::chrono::nanoseconds kLeast = 1ms;
constexpr std::chrono::nanoseconds kDefaultInterval = 30s;
constexpr std::chrono::nanoseconds kDefaultTimeout = 30s;
constexpr std::chrono::nanoseconds kDefaultStartInterval = 5s;
constexpr int kDefaultRetries = 3;

constexpr std::array<std::pair<HealthStatus, std::string_view>, 3> kWords = {{
    {HealthStatus::kStarting, "starting"},
    {HealthStatus::kHealthy, "healthy"},
    {HealthStatus::kUnhealthy, "unhealthy"},
}};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

std::chrono::nanoseconds or_default(std::int64_t nanoseconds, std::chrono::nanoseconds fallback) {
  return nanoseconds == 0 ? fallback : std::chrono::nanoseconds(nanoseconds);
}

std::vector<std::string> command_of(const api::ContainerConfig& config) {
  const api::StringList& test = config.healthcheck->test;
  if (test.front() == "CMD") return {test.begin() + 1, test.end()};
  // CMD-SHELL
  std::vector<std::string> command(config.shell.begin(), config.shell.end());
  if (command.empty()) command = {"/bin/sh", "-c"};
  command.insert(command.end(), test.begin() + 1, test.end());
  return command;
}

}  // namespace

std::string_view to_string(HealthStatus status) {
  return kWords[static_cast<std::size_t>(status)].second;
}

void check_health_config(const api::HealthConfig& config) {
  const std::array<std::pair<const char*, std::int64_t>, 4> durations = {
      {{"Interval", config.interval},
       {"Timeout", config.timeout},
       {"StartPeriod", config.start_period},
       {"StartInterval", config.start_interval}}};
  for (const auto& [name, value] : durations) {
    if (value != 0 && value < kLeast.count())
      refuse(std::string(name) + " in Healthcheck cannot be less than 1ms");
  }
  if (config.retries < 0) refuse("Retries in Healthcheck cannot be negative");
  if (config.test.empty()) return;
  const std::string& kind = config.test.front();
  if (kind == "NONE") return;
  if (kind != "CMD" && kind != "CMD-SHELL") {
    refuse("Unknown healthcheck type '" + kind + "': must be NONE, CMD or CMD-SHELL");
  }
  if (config.test.size() < 2) refuse("Healthcheck of type " + kind + " names no command");
}

std::optional<api::HealthConfig> join_health(const std::optional<api::HealthConfig>& request,
                                             const std::optional<api::HealthConfig>& image) {
  if (!request || !image) return request ? request : image;
  api::HealthConfig joined = *request;
  if (joined.test.empty()) joined.test = image->test;
  if (joined.interval == 0) joined.interval = image->interval;
  if (joined.timeout == 0) joined.timeout = image->timeout;
  if (joined.start_period == 0) joined.start_period = image->start_period;
  if (joined.start_interval == 0) joined.start_interval = image->start_interval;
  if (joined.retries == 0) joined.retries = image->retries;
  return joined;
}

std::optional<HealthCheck> health_check(const api::ContainerConfig& config) {
  if (!config.healthcheck || config.healthcheck->test.size() < 2) return std::nullopt;
  const api::HealthConfig& asked = *config.healthcheck;
  if (asked.test.front() == "NONE") return std::nullopt;
  HealthCheck check;
  check.command = command_of(config);
  check.interval = or_default(asked.interval, kDefaultInterval);
  check.timeout = or_default(asked.timeout, kDefaultTimeout);
  check.start_period = std::chrono::nanoseconds(asked.start_period);
  check.start_interval = or_default(asked.start_interval, kDefaultStartInterval);
  check.retries = asked.retries == 0 ? kDefaultRetries : static_cast<int>(asked.retries);
  return check;
}

bool Health::apply(HealthResult result, const HealthCheck& check, Timestamp started_at) {
  const HealthStatus before = status;
  if (result.exit_code == 0) {
    failing_streak = 0;
    status = HealthStatus::kHealthy;
  } else {
    const bool forgiven =
        status == HealthStatus::kStarting && result.start - started_at < check.start_period;
    if (!forgiven && ++failing_streak >= check.retries) status = HealthStatus::kUnhealthy;
  }
  log.push_back(std::move(result));
  if (log.size() > kLogLength) log.pop_front();
  return status != before;
}

std::chrono::nanoseconds next_check(const HealthCheck& check, const Health& health,
                                    std::chrono::nanoseconds since_start) {
  const bool starting =
      health.status == HealthStatus::kStarting && since_start < check.start_period;
  return starting ? check.start_interval : check.interval;
}

nlohmann::json to_json(const Health& health) {
  nlohmann::json log = nlohmann::json::array();
  for (const HealthResult& result : health.log) {
    log.push_back({{"start", format_rfc3339(result.start)},
                   {"end", format_rfc3339(result.end)},
                   {"exit_code", result.exit_code},
                   {"output", result.output}});
  }
  return {{"status", to_string(health.status)},
          {"failing_streak", health.failing_streak},
          {"log", std::move(log)}};
}

Health health_from_json(const nlohmann::json& json) {
  Health health;
  for (const auto& [status, word] : kWords) {
    if (json.at("status") == word) health.status = status;
  }
  health.failing_streak = json.at("failing_streak").get<int>();
  for (const auto& result : json.at("log")) {
    health.log.push_back({parse_rfc3339(result.at("start").get<std::string>()),
                          parse_rfc3339(result.at("end").get<std::string>()),
                          result.at("exit_code").get<int>(),
                          result.at("output").get<std::string>()});
  }
  return health;
}

}  // namespace berth::container
