// Coroutines on the thread of another executor.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/scope_guard.hpp"
#include "daemon/async/task.hpp"

namespace berth {

/// Runs `task` on `executor` and resumes the caller where it was. A cancellation of the caller is
/// passed on. (co_spawn would do that by itself, but in Boost 1.81 what it posts to the other
/// thread refers to memory that is gone when the task ends meanwhile.)
template <typename T>
Task<T> run_on(asio::any_io_executor executor, Task<T> task) {
  const auto signal = std::make_shared<asio::cancellation_signal>();
  asio::cancellation_slot slot = (co_await asio::this_coro::cancellation_state).slot();
  const ScopeGuard disconnect([&slot] { slot.clear(); });
  if (slot.is_connected()) {
    slot.assign([executor, signal](asio::cancellation_type type) {
      asio::post(executor, [signal, type] { signal->emit(type); });
    });
  }
  co_return co_await asio::co_spawn(
      executor, std::move(task), asio::bind_cancellation_slot(signal->slot(), asio::use_awaitable));
}

}  // namespace berth
