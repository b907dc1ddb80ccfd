// A server on a Unix socket in a folder of its own, and a client that writes and reads bytes.
#pragma once

#include <filesystem>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>

#include "common/fd.hpp"
#include "daemon/async/context.hpp"
#include "daemon/async/signal.hpp"
#include "daemon/http/server.hpp"

namespace berth::http {

class TestServer {
 public:
  TestServer();
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string socket_path() const { return folder_ / "d.sock"; }
  std::filesystem::path folder() const { return folder_; }
  /// Ends it as the daemon does. How long that took is returned.
  std::chrono::milliseconds stop(std::chrono::milliseconds grace);

  /// Counts what handlers saw; for the tests to wait for.
  int waiting() const { return waiting_; }
  int cancelled() const { return cancelled_; }
  std::thread::id control_thread() const { return control_thread_.get_id(); }
  std::thread::id streams_thread() const { return streams_thread_.get_id(); }
  std::thread::id handler_thread() const { return handler_thread_; }

 private:
  void add_routes();
  Task<> echo(Exchange& exchange);
  Task<> forever(Exchange& exchange);
  Task<> wait_for_ever();
  Task<> slow(Exchange& exchange);
  Task<> hijack(Exchange& exchange);
  Task<> chunks(Exchange& exchange);
  Task<> broken(Exchange& exchange);

  std::filesystem::path folder_;
  Context control_{1};
  Context streams_{1};
  Router router_;
  AsyncSignal never_{control_.get_executor()};
  std::atomic<int> waiting_ = 0;
  std::atomic<int> cancelled_ = 0;
  std::atomic<std::thread::id> handler_thread_;
  std::optional<Server> server_;
  asio::executor_work_guard<asio::io_context::executor_type> control_work_;
  asio::executor_work_guard<asio::io_context::executor_type> streams_work_;
  std::thread control_thread_;
  std::thread streams_thread_;
};

/// Fails the test when nothing comes for ten seconds.
class TestClient {
 public:
  explicit TestClient(const TestServer& server);

  void send(std::string_view bytes);
  /// Sends and reads one answer with Content-Length.
  std::string ask(std::string_view request);
  /// Up to and with `end`.
  std::string read_until(std::string_view end);
  std::string read_bytes(std::size_t count);
  /// What comes until the server closes.
  std::string read_all();
  /// One answer with Content-Length or without a body: head and body.
  std::string read_answer();
  void close() { socket_ = Fd(); }
  int number() const { return socket_.get(); }

 private:
  bool fill();
  Fd socket_;
  std::string buffer_;
};

}  // namespace berth::http
