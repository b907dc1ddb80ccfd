// Whether a container is well: what its health check asks for, and what its results say. Pure.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/container_config.hpp"
#include "common/time.hpp"

namespace berth::container {

enum class HealthStatus { kStarting, kHealthy, kUnhealthy };
/// starting, healthy, unhealthy
std::string_view to_string(HealthStatus status);

/// A health check with its defaults filled in.
struct HealthCheck {
  std::vector<std::string> command;
  std::chrono::nanoseconds interval{};
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds start_period{};
  std::chrono::nanoseconds start_interval{};
  int retries = 0;
};

/// Refuses negative and tiny durations and kinds of tests that do not exist. Throws
/// Error{kInvalidArgument}.
void check_health_config(const api::HealthConfig& config);

/// Nothing for a container that has no check, or "NONE".
std::optional<HealthCheck> health_check(const api::ContainerConfig& config);

/// The request's check, completed from the image's field by field.
std::optional<api::HealthConfig> join_health(const std::optional<api::HealthConfig>& request,
                                             const std::optional<api::HealthConfig>& image);

struct HealthResult {
  Timestamp start;
  Timestamp end;
  int exit_code = 0;  // -1: the check did not come to its end
  std::string output;
};

struct Health {
  HealthStatus status = HealthStatus::kStarting;
  int failing_streak = 0;
  std::deque<HealthResult> log;  // the last five

  /// Takes one result in. During the start period failures do not count. True when the status
  /// changed.
  bool apply(HealthResult result, const HealthCheck& check, Timestamp started_at);
};

/// How long to wait before the next check.
std::chrono::nanoseconds next_check(const HealthCheck& check, const Health& health,
                                    std::chrono::nanoseconds since_start);

nlohmann::json to_json(const Health& health);
Health health_from_json(const nlohmann::json& json);

}  // namespace berth::container
