#include "daemon/registry/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth::registry {

void TaskGroup::spawn(Task<> task) {
  ++running_;
  idle_.reset();
  auto signal = std::make_shared<asio::cancellation_signal>();
  std::erase_if(signals_, [](const auto& known) { return known.expired(); });
  signals_.push_back(signal);
  // The handler keeps the signal as long as the task may look at its slot.
  asio::co_spawn(
      executor_, supervise(std::move(task)),
      asio::bind_cancellation_slot(signal->slot(), [signal](const std::exception_ptr&) {}));
}

Task<> TaskGroup::supervise(Task<> task) {
  try {
    // Never inside spawn(): a task that failed at once would be cancelled in the middle of its own
    // start.
    co_await asio::post(asio::use_awaitable);
    co_await std::move(task);
  } catch (...) {
    stop(std::current_exception());
  }
  if (--running_ == 0) idle_.set();
}

void TaskGroup::stop(std::exception_ptr why) {
  if (failure_) return;
  failure_ = std::move(why);
  on_stop_();
  for (const auto& known : signals_) {
    if (const auto signal = known.lock()) signal->emit(asio::cancellation_type::terminal);
  }
}

Task<> TaskGroup::run(Task<> work, Task<> foreground) {
  spawn(std::move(work));
  try {
    co_await std::move(foreground);
  } catch (...) {
    stop(std::current_exception());
  }
  // A cancelled coroutine throws at every co_await of another.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await idle_.wait();
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace berth::registry
