// The bridge to the thread of transfers: starts coroutines there and awaits them here.
//
// Control thread. Private to the room.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/cancellation_signal.hpp>

#include "common/scope_guard.hpp"
#include "daemon/async/signal.hpp"

namespace berth::registry {

/// A coroutine on the other thread.
class RemoteTask {
 public:
  RemoteTask() = default;

  /// Tells it to end; it must own all it uses, since nobody waits for that.
  void cancel();

 private:
  friend class Remote;
  asio::any_io_executor network_;
  /// Touched on the other thread alone. (co_spawn's own way of cancelling across threads refers to
  /// memory of the caller that may be gone by then.)
  std::shared_ptr<asio::cancellation_signal> signal_;
};

class Remote {
 public:
  Remote(asio::any_io_executor control, asio::any_io_executor network);

  const asio::any_io_executor& control() const;
  const asio::any_io_executor& network() const;

  /// `ended` is called on the control thread.
  RemoteTask start(Task<> task, std::function<void(std::exception_ptr)> ended);

  /// Awaits the task's result. A cancelled caller goes on at once.
  template <typename T>
  Task<T> call(Task<T> task) {
    const auto result = std::make_shared<std::optional<T>>();
    const auto failure = std::make_shared<std::exception_ptr>();
    const auto done = std::make_shared<AsyncSignal>(control());
    Task<> work = store(result, std::move(task));
    RemoteTask remote = start(std::move(work), [failure, done](std::exception_ptr error) {
      *failure = std::move(error);
      done->set();
    });
    ScopeGuard abandon([&remote, done] {
      if (!done->is_set()) remote.cancel();
    });
    co_await done->wait();
    if (*failure) std::rethrow_exception(*failure);
    co_return std::move(**result);
  }

  /// Returns when nothing that was started runs any more.
  Task<> drained();

 private:
  template <typename T>
  static Task<> store(std::shared_ptr<std::optional<T>> result, Task<T> task) {
    result->emplace(co_await std::move(task));
  }

  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::registry
