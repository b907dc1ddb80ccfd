// Runs what blocks (file systems, hashing, subprocesses, SQLite) on threads of its own.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/async/task.hpp"

namespace berth {

/// Threads start with the pool and end with it. Two exist in the daemon: `fast` for mounts, small
/// files and the database, `bulk` for archives, hashes and copies, so that a pull never delays a
/// start.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads) : pool_(threads) {}
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool() { pool_.join(); }

  /// Calls `function` on a thread of the pool; resumes the caller on its own executor with the
  /// result or the exception. Cancellation does not interrupt it: what began is finished.
  template <typename Function, typename Result = std::invoke_result_t<Function&>>
  Task<Result> run(Function function) {
    // Outcome and function live in this coroutine's frame, which outlives the work it awaits.
    std::exception_ptr failure;
    if constexpr (std::is_void_v<Result>) {
      co_await hop([&]() noexcept {
        try {
          function();
        } catch (...) {
          failure = std::current_exception();
        }
      });
      if (failure) std::rethrow_exception(failure);
    } else {
      std::optional<Result> result;
      co_await hop([&]() noexcept {
        try {
          result.emplace(function());
        } catch (...) {
          failure = std::current_exception();
        }
      });
      if (failure) std::rethrow_exception(failure);
      co_return std::move(*result);
    }
  }

  void join() { pool_.join(); }

 private:
  template <typename Work>
  auto hop(Work work) {
    return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [this](auto handler, Work job) {
          // The guard keeps the caller's io_context running until the answer is back.
          auto executor = asio::prefer(asio::get_associated_executor(handler),
                                       asio::execution::outstanding_work.tracked);
          asio::post(pool_, [job = std::move(job), handler = std::move(handler),
                             executor = std::move(executor)]() mutable {
            job();
            asio::post(executor, std::move(handler));
          });
        },
        asio::use_awaitable, std::move(work));
  }

  asio::thread_pool pool_;
};

}  // namespace berth
