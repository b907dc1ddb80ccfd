// How long the room's work takes. Needs root; run with `unit_daemon_network "[.bench]"`. Checks no
// time: it prints them.
#include <algorithm>
#include <chrono>
#include <iostream>

#include <catch2/catch.hpp>

#include "daemon/network/veth.hpp"
#include "kernel_world.hpp"

using namespace berth;
using namespace berth::network;

namespace {

using Clock = std::chrono::steady_clock;

class Times {
 public:
  explicit Times(std::string name) : name_(std::move(name)) {}
  Times(const Times&) = delete;
  Times& operator=(const Times&) = delete;
  ~Times() {
    std::sort(taken_.begin(), taken_.end());
    std::cout << name_ << ": median " << taken_[taken_.size() / 2] << " ms, best " << taken_.front()
              << ", worst " << taken_.back() << ", n " << taken_.size() << "\n";
  }
  template <typename Work>
  void measure(Work work) {
    const auto begin = Clock::now();
    work();
    taken_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }

 private:
  std::string name_;
  std::vector<double> taken_;
};

void churn(Daemon& daemon, const std::string& name, const std::vector<PortBinding>& ports,
           int count) {
  Times reserve(name + " reserve");
  Times attach(name + " attach");
  Times release(name + " release");
  for (int i = 0; i < count; ++i) {
    Reservation reservation;
    reserve.measure([&] { reservation = daemon.reserve("box", ports); });
    Fd there = new_namespace();
    attach.measure([&] { daemon.attach(reservation.endpoint, there); });
    reservation.listeners.clear();
    there.reset();
    release.measure([&] { daemon.release(reservation.endpoint); });
  }
}

}  // namespace

TEST_CASE("times of a start-up", "[.bench]") {
  const OwnHost host;
  Times first("first start() and clear_leavings()");
  first.measure([] { Daemon(Settings{}).up(); });
  Times again("again start()");
  Times clear("again clear_leavings()");
  for (int i = 0; i < 20; ++i) {
    Daemon daemon;
    again.measure([&] { daemon.run(daemon.service().start()); });
    clear.measure([&] { daemon.run(daemon.service().clear_leavings()); });
  }
}

TEST_CASE("times of containers one after the other", "[.bench]") {
  const OwnHost host;
  Daemon daemon;
  daemon.up();
  churn(daemon, "bridge", {}, 100);
  churn(daemon, "publish", {PortBinding{Protocol::kTcp, 80, "", 8080, 8080}}, 50);
}

TEST_CASE("300 endpoints", "[.bench]") {
  const OwnHost host;
  Daemon daemon;
  daemon.up();
  std::vector<Reservation> all;
  std::vector<Fd> there;
  for (int i = 0; i < 300; ++i)
    there.push_back(new_namespace());
  {
    Times attach("reserve and attach, of 300");
    for (int i = 0; i < 300; ++i) {
      attach.measure([&] {
        all.push_back(daemon.reserve("box"));
        daemon.attach(all.back().endpoint, there[static_cast<std::size_t>(i)]);
      });
    }
  }
  CHECK(list_cables("docker0").size() == 300);
  const Fd server = listen_in(there[299], 80, SOCK_STREAM);
  CHECK(reaches(&there[0], all[299].endpoint.address, 80, server));
  Times clear("a new daemon clears 300 leavings");
  Daemon next;
  clear.measure([&] { next.up(); });
  next.run(next.service().stop());
  CHECK(list_cables("docker0").empty());
}
