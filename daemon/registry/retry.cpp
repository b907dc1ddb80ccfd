#include "daemon/registry/retry.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth::registry {

namespace {

constexpr std::chrono::milliseconds kMaxDelay = std::chrono::seconds(30);

}  // namespace

void Retry::failed() {
  ++attempts_;
  const bool last = attempts_ >= std::max(1U, options_.max_download_attempts);
  asked_ = std::chrono::milliseconds(0);
  try {
    throw;
  } catch (const NetworkError& error) {
    const bool unreachable = error.stage() != NetworkError::Stage::kTransfer;
    if (last || (unreachable && unreachable_ == Unreachable::kFails)) throw;
  } catch (const TemporaryError& error) {
    if (last) throw;
    asked_ = error.retry_after();
  }
}

Task<> Retry::wait() {
  const auto own = std::min(options_.retry_delay * (1U << std::min(attempts_ - 1, 10U)), kMaxDelay);
  asio::steady_timer timer(co_await asio::this_coro::executor, std::max(own, asked_));
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace berth::registry
