#include "daemon/async/rollback.hpp"

#include <exception>

#include <boost/asio/this_coro.hpp>

#include "common/log/log.hpp"

namespace berth {

Task<> Rollback::run() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!steps_.empty()) {
    const auto step = std::move(steps_.back());
    steps_.pop_back();
    try {
      co_await step.second();
    } catch (const std::exception& error) {
      log::error("undo of \"{}\" failed: {}", step.first, error.what());
    }
  }
}

}  // namespace berth
