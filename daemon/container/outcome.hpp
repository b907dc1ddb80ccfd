// Something that ends once and that any number of coroutines wait for: a run of a container, its
// removal.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "daemon/async/signal.hpp"

namespace berth::container {

/// What `wait` answers.
struct ExitResult {
  int code = 0;
  std::string error;
};

/// Control thread. Held by shared_ptr: a waiter keeps it while the container moves on to its next
/// run.
class Outcome {
 public:
  explicit Outcome(asio::any_io_executor executor) : signal_(std::move(executor)) {}

  void settle(ExitResult result) {
    result_ = std::move(result);
    signal_.set();
  }
  bool settled() const noexcept { return signal_.is_set(); }
  /// Meaningful once settled.
  const ExitResult& result() const noexcept { return result_; }

  Task<> wait() { return signal_.wait(); }
  /// False when `timeout` passed first.
  Task<bool> wait_for(std::chrono::nanoseconds timeout) { return signal_.wait_for(timeout); }

 private:
  AsyncSignal signal_;
  ExitResult result_;
};

}  // namespace berth::container
