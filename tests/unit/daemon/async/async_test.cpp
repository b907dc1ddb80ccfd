#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/async/gate.hpp"
#include "daemon/async/mutex.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/async/rollback.hpp"
#include "daemon/async/signal.hpp"

using namespace berth;

namespace {

/// Runs one coroutine to its end on a fresh io_context.
template <typename Function>
void run(Function function) {
  asio::io_context context(1);
  auto done = asio::co_spawn(context, function(context), asio::use_future);
  context.run();
  done.get();
}

Task<> critical_section(AsyncMutex& mutex, BlockingPool& pool, std::string& trace, char name) {
  const auto lock = co_await mutex.lock();
  trace += name;
  co_await pool.run([] { std::this_thread::yield(); });
  trace += name;
}

}  // namespace

TEST_CASE("the pool returns results and exceptions", "[async]") {
  BlockingPool pool(2);
  const auto body = [&](asio::io_context&) -> Task<> {
    const auto home = std::this_thread::get_id();
    auto work = [] { return std::this_thread::get_id(); };
    const auto elsewhere = co_await pool.run(work);
    CHECK(elsewhere != home);
    CHECK(std::this_thread::get_id() == home);
    auto fail = [] { throw Error(ErrorKind::kConflict, "no"); };
    bool thrown = false;
    try {
      co_await pool.run(fail);
    } catch (const Error& error) {
      thrown = error.kind() == ErrorKind::kConflict;
    }
    CHECK(thrown);
  };
  run(body);
}

TEST_CASE("a mutex lets one coroutine in at a time, in order", "[async]") {
  BlockingPool pool(4);
  asio::io_context context(1);
  AsyncMutex mutex(context.get_executor());
  std::string trace;
  for (const char name : {'a', 'b', 'c', 'd'}) {
    asio::co_spawn(context, critical_section(mutex, pool, trace, name), asio::detached);
  }
  context.run();
  CHECK(trace == "aabbccdd");
  CHECK(mutex.idle());
}

TEST_CASE("a signal wakes every waiter and a deadline ends the wait", "[async]") {
  const auto body = [](asio::io_context& context) -> Task<> {
    AsyncSignal signal(context.get_executor());
    CHECK_FALSE(co_await signal.wait_for(std::chrono::milliseconds(1)));
    asio::post(context, [&] { signal.set(); });
    CHECK(co_await signal.wait_for(std::chrono::hours(1)));
    co_await signal.wait();
  };
  run(body);
}

TEST_CASE("rollback runs every step in reverse, also after a failing one", "[async]") {
  const auto body = [](asio::io_context&) -> Task<> {
    std::string trace;
    Rollback rollback;
    rollback.add("one", [&]() -> Task<> {
      trace += "1";
      co_return;
    });
    rollback.add("two", [&]() -> Task<> {
      throw Error(ErrorKind::kInternal, "undo failed");
      co_return;
    });
    rollback.add("three", [&]() -> Task<> {
      trace += "3";
      co_return;
    });
    co_await rollback.run();
    CHECK(trace == "31");
  };
  run(body);
}

TEST_CASE("a gate waits for its tasks and lets nothing in once closed", "[async]") {
  const auto body = [](asio::io_context& context) -> Task<> {
    Gate gate(context.get_executor());
    int done = 0;
    AsyncSignal go(context.get_executor());
    gate.spawn("first", [&]() -> Task<> {
      co_await go.wait();
      ++done;
    });
    asio::post(context, [&] { go.set(); });
    co_await gate.close();
    CHECK(done == 1);
    gate.spawn("late", [&]() -> Task<> {
      ++done;
      co_return;
    });
    CHECK(gate.running() == 0);
  };
  run(body);
}
