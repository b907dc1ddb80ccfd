// When a container that ended is started again.
#include "daemon/container/restart_policy.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;
using namespace berth::container;
using namespace std::chrono_literals;

namespace {

RunState ended(int restarts, bool by_user = false) {
  RunState state;
  state.status = Status::kExited;
  state.started_at = Timestamp{};
  state.restart_count = restarts;
  state.manually_stopped = by_user;
  return state;
}

}  // namespace

TEST_CASE("each policy restarts after the ends that it names", "[container]") {
  CHECK_FALSE(restarts_after_exit({}, ended(0), 1));
  CHECK_FALSE(restarts_after_exit({"no", 0}, ended(0), 1));
  CHECK(restarts_after_exit({"always", 0}, ended(99), 0));
  CHECK(restarts_after_exit({"unless-stopped", 0}, ended(99), 0));
  CHECK_FALSE(restarts_after_exit({"on-failure", 0}, ended(0), 0));
  CHECK(restarts_after_exit({"on-failure", 0}, ended(99), 3));
  CHECK(restarts_after_exit({"on-failure", 2}, ended(1), 3));
  CHECK_FALSE(restarts_after_exit({"on-failure", 2}, ended(2), 3));
}

TEST_CASE("nothing is restarted that a user stopped", "[container]") {
  const auto* policy = GENERATE("always", "unless-stopped", "on-failure");
  CHECK_FALSE(restarts_after_exit({policy, 0}, ended(0, true), 137));
}

TEST_CASE("with the daemon start those that outlive it", "[container]") {
  CHECK(restarts_with_daemon({"always", 0}, ended(0)));
  CHECK(restarts_with_daemon({"always", 0}, ended(0, true)));
  CHECK(restarts_with_daemon({"unless-stopped", 0}, ended(0)));
  CHECK_FALSE(restarts_with_daemon({"unless-stopped", 0}, ended(0, true)));
  CHECK_FALSE(restarts_with_daemon({"on-failure", 0}, ended(0)));
  CHECK_FALSE(restarts_with_daemon({"no", 0}, ended(0)));
  RunState never_started;
  CHECK_FALSE(restarts_with_daemon({"always", 0}, never_started));
  RunState waiting = ended(3);
  waiting.status = Status::kRestarting;
  CHECK(restarts_with_daemon({"on-failure", 5}, waiting));
  CHECK_FALSE(restarts_with_daemon({"no", 0}, waiting));
}

TEST_CASE("the delay grows, up to a minute, and starts anew after a long run", "[container]") {
  auto delay = restart_delay(0ms, 0s);
  CHECK(delay == 100ms);
  CHECK(restart_delay(delay, 1s) == 200ms);
  for (int i = 0; i < 20; ++i)
    delay = restart_delay(delay, 9s);
  CHECK(delay == 1min);
  CHECK(restart_delay(delay, 10s) == 100ms);
}

TEST_CASE("policies are checked", "[container]") {
  using Catch::Contains;
  CHECK_NOTHROW(check_restart_policy({"on-failure", 3}));
  CHECK_THROWS_WITH(check_restart_policy({"sometimes", 0}), Contains("unknown policy 'sometimes'"));
  CHECK_THROWS_WITH(check_restart_policy({"on-failure", -1}), Contains("cannot be negative"));
  CHECK_THROWS_WITH(check_restart_policy({"always", 3}), Contains("'on-failure'"));
}

TEST_CASE("the count of restarts ends when a user starts the container", "[container]") {
  RunState state;
  state.to_running(7, Timestamp{});
  state.to_restarting(3, false, Timestamp{});
  CHECK(state.is_active());
  CHECK_FALSE(state.is_running());
  state.to_running(8, Timestamp{});
  CHECK(state.restart_count == 1);
  state.to_exited(0, false, Timestamp{});
  state.to_running(9, Timestamp{});
  CHECK(state.restart_count == 0);
}
