// Awaits on one executor what runs on another thread's. Private to the room.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "common/scope_guard.hpp"
#include "daemon/async/signal.hpp"

namespace berth::registry {

template <typename T>
struct RemoteCall {
  explicit RemoteCall(asio::any_io_executor control) : done(std::move(control)) {}

  // Of the caller's thread.
  AsyncSignal done;
  std::optional<T> result;
  std::exception_ptr failure;
  // Of the other thread.
  asio::cancellation_signal cancel;
};

/// Runs `task` on `network`; the caller runs on `control`. A cancelled caller goes on at once: the
/// task is told to end, and must own all it uses. (co_spawn's own way of cancelling across threads
/// refers to memory of the caller that may be gone by then.)
template <typename T>
Task<T> call_remote(asio::any_io_executor control, asio::any_io_executor network, Task<T> task) {
  const auto call = std::make_shared<RemoteCall<T>>(control);
  ScopeGuard abandon([call, network] {
    if (call->done.is_set()) return;
    asio::post(network, [call] { call->cancel.emit(asio::cancellation_type::terminal); });
  });
  asio::post(network, [call, network, control, work = std::move(task)]() mutable {
    auto finish = [call](std::exception_ptr failure, T value) {
      call->failure = std::move(failure);
      if (!call->failure) call->result.emplace(std::move(value));
      call->done.set();
    };
    asio::co_spawn(network, std::move(work),
                   asio::bind_cancellation_slot(call->cancel.slot(),
                                                asio::bind_executor(control, std::move(finish))));
  });
  co_await call->done.wait();
  if (call->failure) std::rethrow_exception(call->failure);
  co_return std::move(*call->result);
}

}  // namespace berth::registry
