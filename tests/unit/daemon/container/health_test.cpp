// What results of a health check make of a container.
#include "daemon/container/health.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/error.hpp"

using namespace berth;
using namespace berth::container;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

api::ContainerConfig with_test(api::StringList test) {
  api::ContainerConfig config;
  config.healthcheck.emplace();
  config.healthcheck->test = std::move(test);
  return config;
}

HealthResult result(int exit_code, std::chrono::nanoseconds after_start = 1h) {
  const Timestamp start = Timestamp{} + after_start;
  return {start, start + 1s, exit_code, ""};
}

}  // namespace

TEST_CASE("the kinds of tests give commands", "[health]") {
  CHECK_FALSE(health_check({}));
  CHECK_FALSE(health_check(with_test({"NONE"})));
  CHECK(health_check(with_test({"CMD", "curl", "-f"}))->command ==
        std::vector<std::string>{"curl", "-f"});
  api::ContainerConfig shell = with_test({"CMD-SHELL", "exit 1"});
  CHECK(health_check(shell)->command == std::vector<std::string>{"/bin/sh", "-c", "exit 1"});
  shell.shell = {"/bin/ash", "-e", "-c"};
  CHECK(health_check(shell)->command == std::vector<std::string>{"/bin/ash", "-e", "-c", "exit 1"});
}

TEST_CASE("what is left open has Docker's defaults", "[health]") {
  const auto check = health_check(with_test({"CMD", "true"}));
  CHECK(check->interval == 30s);
  CHECK(check->timeout == 30s);
  CHECK(check->start_period == 0s);
  CHECK(check->start_interval == 5s);
  CHECK(check->retries == 3);
}

TEST_CASE("three failures in a row make it unhealthy, one success healthy", "[health]") {
  const HealthCheck check = *health_check(with_test({"CMD", "true"}));
  Health health;
  CHECK_FALSE(health.apply(result(1), check, Timestamp{}));
  CHECK_FALSE(health.apply(result(1), check, Timestamp{}));
  CHECK(health.failing_streak == 2);
  CHECK(health.apply(result(0), check, Timestamp{}));
  CHECK(health.status == HealthStatus::kHealthy);
  for (int i = 0; i < 2; ++i)
    CHECK_FALSE(health.apply(result(-1), check, Timestamp{}));
  CHECK(health.apply(result(-1), check, Timestamp{}));
  CHECK(health.status == HealthStatus::kUnhealthy);
  CHECK(health.log.size() == 5);
}

TEST_CASE("failures in the start period do not count", "[health]") {
  HealthCheck check = *health_check(with_test({"CMD", "true"}));
  check.start_period = 10s;
  check.retries = 1;
  Health health;
  CHECK_FALSE(health.apply(result(1, 9s), check, Timestamp{}));
  CHECK(health.failing_streak == 0);
  CHECK(next_check(check, health, 9s) == check.start_interval);
  CHECK(next_check(check, health, 11s) == check.interval);
  SECTION("but after it they do") {
    CHECK(health.apply(result(1, 11s), check, Timestamp{}));
    CHECK(health.status == HealthStatus::kUnhealthy);
  }
  SECTION("and after the first success, too") {
    CHECK(health.apply(result(0, 2s), check, Timestamp{}));
    CHECK(next_check(check, health, 3s) == check.interval);
    CHECK(health.apply(result(1, 3s), check, Timestamp{}));
  }
}

TEST_CASE("a request's check is completed from the image's", "[health]") {
  api::HealthConfig image;
  image.test = {"CMD", "true"};
  image.interval = 7;
  api::HealthConfig request;
  request.retries = 9;
  const auto joined = join_health(request, image);
  CHECK(joined->test == image.test);
  CHECK(joined->interval == 7);
  CHECK(joined->retries == 9);
  CHECK(join_health(std::nullopt, image) == image);
  CHECK_FALSE(join_health(std::nullopt, std::nullopt));
}

TEST_CASE("checks that cannot be are refused", "[health]") {
  api::HealthConfig config;
  config.test = {"CMD", "true"};
  CHECK_NOTHROW(check_health_config(config));
  config.interval = 10;
  CHECK_THROWS_WITH(check_health_config(config), Contains("Interval") && Contains("1ms"));
  config.interval = 0;
  config.retries = -1;
  CHECK_THROWS_WITH(check_health_config(config), Contains("Retries"));
  config.retries = 0;
  config.test = {"WHAT", "true"};
  CHECK_THROWS_WITH(check_health_config(config), Contains("'WHAT'"));
  config.test = {"CMD"};
  CHECK_THROWS_WITH(check_health_config(config), Contains("no command"));
}

TEST_CASE("a health is read as it was written", "[health]") {
  const HealthCheck check = *health_check(with_test({"CMD", "true"}));
  Health health;
  health.apply({now(), now(), 3, "why"}, check, Timestamp{});
  const Health read = health_from_json(to_json(health));
  CHECK(to_json(read) == to_json(health));
}
