// Real containers of busybox. Hidden, since they need root: run `unit_daemon_runtime "[root]"`
// inside `unshare --mount --net --pid --fork --mount-proc`.
#include <chrono>
#include <iostream>

#include <catch2/catch.hpp>

#include "container_fixture.hpp"

namespace berth::runtime {

TEST_CASE("a container's program runs and its exit code comes back", "[.root]") {
  ContainerFixture container;
  CHECK(container.output_of("echo hello; exit 0") == "hello\n");
  container.shell("exit 7");
  CHECK(container.run().status == 7);
}

TEST_CASE("launching is fast", "[.root][.bench]") {
  ContainerFixture container;
  const LaunchDocument document = container.parsed();
  using Clock = std::chrono::steady_clock;
  std::vector<double> created;
  std::vector<double> started;
  std::vector<double> reaped;
  std::vector<double> removed;
  for (int round = 0; round < 200; ++round) {
    const auto t0 = Clock::now();
    InitProcess init = launch_init(document, container.options());
    const auto t1 = Clock::now();
    REQUIRE_FALSE(init.release());
    const auto t2 = Clock::now();
    siginfo_t info{};
    REQUIRE(::waitid(P_PIDFD, static_cast<id_t>(init.pidfd()), &info, WEXITED) == 0);
    const auto t3 = Clock::now();
    REQUIRE(init.cgroup()->remove());
    const auto t4 = Clock::now();
    const auto ms = [](auto a, auto b) {
      return std::chrono::duration<double, std::milli>(b - a).count();
    };
    created.push_back(ms(t0, t1));
    started.push_back(ms(t1, t2));
    reaped.push_back(ms(t2, t3));
    removed.push_back(ms(t3, t4));
  }
  const auto show = [](const char* what, std::vector<double>& times) {
    std::sort(times.begin(), times.end());
    std::cout << what << " median " << times[times.size() / 2] << " ms, best " << times.front()
              << " ms, p95 " << times[times.size() * 95 / 100] << " ms\n";
  };
  show("create ", created);
  show("release", started);
  show("reap   ", reaped);
  show("remove ", removed);
}

}  // namespace berth::runtime
