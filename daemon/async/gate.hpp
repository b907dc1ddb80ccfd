// Owns the coroutines that nobody awaits, so that shutting down can wait for them.
#pragma once

#include <functional>
#include <string>

#include "daemon/async/signal.hpp"

namespace berth {

/// Single-threaded: every call comes from the executor given.
class Gate {
 public:
  explicit Gate(asio::any_io_executor executor) : executor_(executor), empty_(executor) {
    empty_.set();
  }

  /// Starts `task` on the gate's executor. An exception that leaves it is logged with `name`. After
  /// close() has begun nothing new is started.
  void spawn(std::string name, std::function<Task<>()> task);

  /// Returns when every task has ended.
  Task<> close();
  std::size_t running() const noexcept { return running_; }

 private:
  Task<> run(std::string name, std::function<Task<>()> task);

  asio::any_io_executor executor_;
  AsyncSignal empty_;
  std::size_t running_ = 0;
  bool closed_ = false;
};

}  // namespace berth
