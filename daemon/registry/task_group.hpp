// Coroutines that belong together: they end together, and the first failure stops all.
//
// Control thread. Private to the room.
#pragma once

#include <exception>
#include <functional>
#include <list>
#include <memory>

#include <boost/asio/cancellation_signal.hpp>

#include "daemon/async/signal.hpp"

namespace berth::registry {

class TaskGroup {
 public:
  /// `on_stop` is called once, at the first failure.
  TaskGroup(asio::any_io_executor executor, std::function<void()> on_stop)
      : executor_(executor), on_stop_(std::move(on_stop)), idle_(executor) {
    idle_.set();
  }
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Runs `work` as the first task beside `foreground`, whose failure stops the group, and returns
  /// when all of its tasks have ended; throws the first failure.
  Task<> run(Task<> work, Task<> foreground);

  void spawn(Task<> task);
  /// Cancels every task; `why` becomes the group's failure when there is none yet.
  void stop(std::exception_ptr why);
  bool stopped() const noexcept { return failure_ != nullptr; }

 private:
  Task<> supervise(Task<> task);

  asio::any_io_executor executor_;
  std::function<void()> on_stop_;
  std::list<std::weak_ptr<asio::cancellation_signal>> signals_;
  std::exception_ptr failure_;
  std::size_t running_ = 0;
  AsyncSignal idle_;
};

}  // namespace berth::registry
