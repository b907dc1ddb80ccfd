// The shim's only loop: epoll(7) on descriptors with a handler each.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "common/fd.hpp"

namespace berth::shim {

class Loop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;

  Loop();

  /// Calls `handler` for `events` (EPOLLIN, ...) of `fd`. The descriptor must stay open until
  /// remove().
  void add(int fd, std::uint32_t events, Handler handler);
  /// Changes what is waited for. EPOLLERR and EPOLLHUP are always told.
  void modify(int fd, std::uint32_t events);
  /// May be called from any handler, that of `fd` included.
  void remove(int fd);

  /// Calls `action` once after `delay`. A later call replaces an earlier one.
  void after(std::chrono::milliseconds delay, std::function<void()> action);

  /// Handles events until stop() is called.
  void run();
  void stop() noexcept { stopped_ = true; }

 private:
  struct Entry {
    std::shared_ptr<Handler> handler;  // shared: one that removes itself must outlive its call
    std::uint64_t generation = 0;
  };

  int timeout() const;

  Fd epoll_;
  std::unordered_map<int, Entry> entries_;
  std::uint64_t generation_ = 0;
  std::function<void()> action_;
  std::chrono::steady_clock::time_point action_time_;
  bool stopped_ = false;
};

}  // namespace berth::shim
