// Blocking work on a thread of its own: what produces or consumes a stream at a client's pace must
// not hold a thread of the pools, which others wait for.
#pragma once

#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "daemon/async/signal.hpp"

namespace berth {

class ThreadWork {
 public:
  /// `work()` runs at once. finish() is awaited on the executor.
  template <typename Work>
  ThreadWork(asio::any_io_executor executor, Work work)
      : ended_(std::make_shared<AsyncSignal>(executor)),
        thread_(
            [this, executor, work = std::make_unique<Work>(std::move(work))]() mutable noexcept {
              try {
                (*work)();
              } catch (...) {
                failure_ = std::current_exception();
              }
              work.reset();
              asio::post(executor, [ended = ended_] { ended->set(); });
            }) {}
  ThreadWork(const ThreadWork&) = delete;
  ThreadWork& operator=(const ThreadWork&) = delete;
  /// finish() comes first; only a daemon that stops destroys without it.
  ~ThreadWork() {
    if (thread_.joinable()) thread_.join();
  }

  /// Returns when the work, and what it owned, is gone; throws what it threw. What the work waits
  /// for must come to an end by itself.
  Task<> finish() {
    co_await ended_->wait();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::shared_ptr<AsyncSignal> ended_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace berth
