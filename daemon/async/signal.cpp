#include "daemon/async/signal.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "common/scope_guard.hpp"

namespace berth {

void AsyncSignal::set() {
  set_ = true;
  for (Waiter& waiter : waiters_) {
    waiter.woken = true;
    waiter.timer.cancel();
  }
}

Task<> AsyncSignal::wait() {
  co_await wait_until(asio::steady_timer::time_point::max());
}

Task<bool> AsyncSignal::wait_for(std::chrono::nanoseconds timeout) {
  return wait_until(asio::steady_timer::clock_type::now() + timeout);
}

Task<bool> AsyncSignal::wait_until(asio::steady_timer::time_point deadline) {
  if (set_) co_return true;
  const auto self =
      waiters_.insert(waiters_.end(), Waiter{asio::steady_timer(executor_, deadline)});
  ScopeGuard forget([this, self] { waiters_.erase(self); });
  boost::system::error_code error;
  co_await self->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted && !self->woken) {
    throw boost::system::system_error(error);
  }
  co_return self->woken;
}

}  // namespace berth
