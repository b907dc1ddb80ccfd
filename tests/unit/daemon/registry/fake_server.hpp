// An HTTP server on loopback inside the test, whose answers the test writes, faults included. Runs
// on the test's own io_context.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "daemon/async/task.hpp"

namespace berth::test {

struct FakeRequest {
  std::string method;
  std::string target;
  /// Lower-case names.
  std::map<std::string, std::string> headers;
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct FakeAnswer {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// Send so many bytes of the body, then close the connection.
  std::optional<std::size_t> cut_after;
  /// Close the connection without a word.
  bool silent = false;
};

class FakeServer {
 public:
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;

  FakeServer(boost::asio::io_context& io, Handler handler);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  /// "127.0.0.1:<port>"
  std::string address() const;
  const std::vector<FakeRequest>& requests() const;
  std::size_t connections() const;
  std::size_t count(const std::string& method, const std::string& target_prefix) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Runs the task to its end on `io`, and returns or throws what it does.
template <typename T>
T run(boost::asio::io_context& io, Task<T> task) {
  std::exception_ptr failure;
  bool done = false;
  if constexpr (std::is_void_v<T>) {
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error) {
      failure = std::move(error);
      done = true;
    });
    io.restart();
    while (!done && io.run_one() > 0) {
    }
    if (failure) std::rethrow_exception(failure);
  } else {
    std::optional<T> result;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
      failure = std::move(error);
      if (!failure) result.emplace(std::move(value));
      done = true;
    });
    io.restart();
    while (!done && io.run_one() > 0) {
    }
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
}

}  // namespace berth::test
