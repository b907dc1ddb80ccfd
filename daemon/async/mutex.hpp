// Mutual exclusion between coroutines of one executor, first come first served.
//
// A strand does not give this: at a co_await it lets the next coroutine in. Hold a lock over side
// effects only, never while waiting for a client, a process's exit or a pull.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "daemon/async/signal.hpp"

namespace berth {

/// Single-threaded: every call comes from the executor given.
class AsyncMutex {
 public:
  class [[nodiscard]] Lock {
   public:
    Lock() = default;
    explicit Lock(AsyncMutex* mutex) : mutex_(mutex) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Lock& operator=(Lock&& other) noexcept {
      std::swap(mutex_, other.mutex_);
      return *this;
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() { unlock(); }
    void unlock() {
      if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->pass_on();
    }

   private:
    AsyncMutex* mutex_ = nullptr;
  };

  explicit AsyncMutex(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  AsyncMutex(const AsyncMutex&) = delete;
  AsyncMutex& operator=(const AsyncMutex&) = delete;

  /// The mutex must outlive the lock. A cancelled waiter leaves the queue and throws system_error.
  Task<Lock> lock();
  bool idle() const noexcept { return !held_ && queue_.empty(); }

 private:
  void pass_on();

  asio::any_io_executor executor_;
  std::list<std::unique_ptr<AsyncSignal>> queue_;
  bool held_ = false;
};

}  // namespace berth
