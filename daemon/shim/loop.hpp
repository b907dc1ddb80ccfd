// The shim's only loop: epoll(7) on descriptors with a handler each, and timers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "common/fd.hpp"

namespace berth::shim {

class Loop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;

  Loop();

  /// Calls `handler` for `events` (EPOLLIN, ...) of `fd`. The descriptor must stay open until
  /// remove(). Throws Error; then nothing was added.
  void add(int fd, std::uint32_t events, Handler handler);
  /// Changes what is waited for. EPOLLERR and EPOLLHUP are always told.
  void modify(int fd, std::uint32_t events);
  /// May be called from any handler, that of `fd` included.
  void remove(int fd);

  /// Names a timer until it has fired; 0 names none.
  using Timer = std::uint64_t;
  /// Calls `action` once after `delay`.
  Timer after(std::chrono::milliseconds delay, std::function<void()> action);
  /// Of one that has fired, or of none: does nothing.
  void cancel(Timer timer);

  /// Handles events until stop() is called; returns at once when it was called before.
  void run();
  void stop() noexcept { stopped_ = true; }

 private:
  struct Entry {
    std::shared_ptr<Handler> handler;  // shared: one that removes itself must outlive its call
    std::uint64_t generation = 0;
  };

  int timeout() const;
  void fire_timers();

  Fd epoll_;
  std::unordered_map<int, Entry> entries_;
  std::uint64_t generation_ = 0;
  struct Alarm {
    std::chrono::steady_clock::time_point when;
    std::function<void()> action;
  };
  std::map<Timer, Alarm> alarms_;  // a handful at most
  Timer last_timer_ = 0;
  bool stopped_ = false;
};

}  // namespace berth::shim
