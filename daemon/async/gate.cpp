#include "daemon/async/gate.hpp"

#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "common/log/log.hpp"

namespace berth {

void Gate::spawn(std::string name, std::function<Task<>()> task) {
  if (closed_) return;
  ++running_;
  empty_.reset();
  asio::co_spawn(executor_, run(std::move(name), std::move(task)), asio::detached);
}

Task<> Gate::run(std::string name, std::function<Task<>()> task) {
  try {
    co_await task();
  } catch (const std::exception& error) {
    log::error("{}: {}", name, error.what());
  }
  if (--running_ == 0) empty_.set();
}

Task<> Gate::close() {
  closed_ = true;
  co_await empty_.wait();
}

}  // namespace berth
