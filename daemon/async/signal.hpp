// A condition that coroutines of one executor wait for.
#pragma once

#include <chrono>
#include <list>

#include <boost/asio/steady_timer.hpp>

#include "daemon/async/task.hpp"

namespace berth {

/// Single-threaded: every call comes from the executor given. set() is remembered: waiters go on,
/// and later waits return at once, until reset().
class AsyncSignal {
 public:
  explicit AsyncSignal(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  AsyncSignal(const AsyncSignal&) = delete;
  AsyncSignal& operator=(const AsyncSignal&) = delete;

  void set();
  void reset() { set_ = false; }
  bool is_set() const noexcept { return set_; }

  /// Throws boost::system::system_error(operation_aborted) when the waiting coroutine is cancelled.
  Task<> wait();
  /// False when `timeout` passed first.
  Task<bool> wait_for(std::chrono::nanoseconds timeout);

 private:
  struct Waiter {
    asio::steady_timer timer;
    bool woken = false;
  };
  Task<bool> wait_until(asio::steady_timer::time_point deadline);

  asio::any_io_executor executor_;
  std::list<Waiter> waiters_;
  bool set_ = false;
};

}  // namespace berth
