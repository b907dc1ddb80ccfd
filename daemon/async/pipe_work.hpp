// Blocking work on a thread of its own, with one end of a pipe: what produces or consumes a stream
// at a client's pace must not hold a thread of the pools, which others wait for.
#pragma once

#include <exception>
#include <thread>
#include <utility>

#include "common/fd.hpp"
#include "daemon/async/pool.hpp"

namespace berth {

class PipeWork {
 public:
  /// `work(fd)` runs at once; the end is closed after it.
  template <typename Work>
  PipeWork(Fd end, Work work)
      : thread_([this, end = std::move(end), work = std::move(work)]() mutable noexcept {
          try {
            work(end.get());
          } catch (...) {
            failure_ = std::current_exception();
          }
          end.reset();
        }) {}
  PipeWork(const PipeWork&) = delete;
  PipeWork& operator=(const PipeWork&) = delete;
  /// finish() comes first; only a daemon that stops destroys without it.
  ~PipeWork() {
    if (thread_.joinable()) thread_.join();
  }

  /// Waits for the work's end, off the caller's thread, and throws what it threw. Close the other
  /// end of the pipe before.
  Task<> finish(BlockingPool& pool) {
    co_await pool.run([this] { thread_.join(); });
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace berth
