#include "test_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/scope_guard.hpp"

namespace berth::http {

TestServer::TestServer()
    : control_work_(asio::make_work_guard(control_)),
      streams_work_(asio::make_work_guard(streams_)) {
  std::string pattern = std::filesystem::temp_directory_path() / "berth-http-XXXXXX";
  folder_ = ::mkdtemp(pattern.data());
  add_routes();
  server_.emplace(streams_.get_executor(), control_.get_executor(), router_);
  ListenOptions options;
  for (Listener& listener : open_listeners("unix://" + socket_path(), options))
    server_->listen(std::move(listener));
  control_thread_ = std::thread([this] { control_.run(); });
  streams_thread_ = std::thread([this] { streams_.run(); });
}

TestServer::~TestServer() {
  if (control_thread_.joinable()) stop(std::chrono::milliseconds(100));
  std::filesystem::remove_all(folder_);
}

std::chrono::milliseconds TestServer::stop(std::chrono::milliseconds grace) {
  const auto begin = std::chrono::steady_clock::now();
  asio::co_spawn(control_, server_->stop(grace), asio::use_future).get();
  const auto taken = std::chrono::steady_clock::now() - begin;
  control_.stop();
  streams_.stop();
  control_thread_.join();
  streams_thread_.join();
  control_.drop_waiting();
  streams_.drop_waiting();
  return std::chrono::duration_cast<std::chrono::milliseconds>(taken);
}

Task<> TestServer::echo(Exchange& exchange) {
  handler_thread_ = std::this_thread::get_id();
  std::string body = co_await exchange.read_json();
  co_await exchange.send_json(200, std::move(body));
}

Task<> TestServer::wait_for_ever() {
  ++waiting_;
  ScopeGuard note([this] { ++cancelled_; });
  co_await never_.wait();
}

Task<> TestServer::forever(Exchange& exchange) {
  co_await exchange.begin_stream(200, "application/json");
  co_await exchange.write("begun");
  co_await exchange.while_connected(wait_for_ever());
}

/// Something that is finished although the client does not see it.
Task<> TestServer::slow(Exchange& exchange) {
  ++waiting_;
  asio::steady_timer timer(control_, std::chrono::milliseconds(150));
  co_await timer.async_wait(asio::use_awaitable);
  co_await exchange.send_text(200, "done");
}

Task<> TestServer::hijack(Exchange& exchange) {
  const Hijacked client = co_await exchange.hijack(true);
  set_nonblocking(client.socket.get(), false);
  write_all(client.socket.get(), "<" + client.early_bytes + ">", "client");
}

Task<> TestServer::chunks(Exchange& exchange) {
  co_await exchange.begin_stream(200, "text/plain");
  co_await exchange.write("one");
  co_await exchange.write("");
  co_await exchange.write(std::string(20, 'x'));
  co_await exchange.end_stream();
}

Task<> TestServer::broken(Exchange& exchange) {
  const std::string kind = exchange.query().text("kind");
  if (kind == "late") {
    co_await exchange.begin_stream(200, "text/plain");
    co_await exchange.write("some");
  }
  if (kind == "silent") co_return;
  if (kind == "foreign") throw std::runtime_error("a library's text");
  if (kind == "same") throw Error(ErrorKind::kNotModified, "already so");
  throw Error(ErrorKind::kConflict, "a \"quoted\" reason");
}

void TestServer::add_routes() {
  const auto add = [this](const char* method, const char* pattern,
                          Task<> (TestServer::*operation)(Exchange&)) {
    router_.add(method, pattern,
                [this, operation](Exchange& exchange) { return (this->*operation)(exchange); });
  };
  add("POST", "/echo", &TestServer::echo);
  add("GET", "/forever", &TestServer::forever);
  add("POST", "/forever", &TestServer::forever);
  add("GET", "/slow", &TestServer::slow);
  add("POST", "/hijack", &TestServer::hijack);
  add("GET", "/chunks", &TestServer::chunks);
  add("GET", "/broken", &TestServer::broken);
  const auto ping = [this](Exchange& exchange) {
    handler_thread_ = std::this_thread::get_id();
    return exchange.send_text(200, "OK");
  };
  router_.add("GET", "/_ping", ping, Runs::kInline);
  router_.add("HEAD", "/_ping", ping, Runs::kInline);
  // No coroutine of its own: what it does before it returns belongs on the control thread too.
  router_.add("GET", "/plain", ping);
  router_.add("GET", "/big", [](Exchange& exchange) {
    return exchange.send_text(200, std::string(std::size_t{8} << 20U, 'b'));
  });
  router_.add("GET", "/name/{name...}", [](Exchange& exchange) {
    return exchange.send_text(
        200, to_string(exchange.request().version) + " " + exchange.parameter("name"));
  });
}

TestClient::TestClient(const TestServer& server)
    : socket_(own_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  server.socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  check_errno(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              "connect");
  const timeval limit{10, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw_errno("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool TestClient::fill() {
  std::array<char, 65536> space{};
  const ssize_t got = ::recv(socket_.get(), space.data(), space.size(), 0);
  if (got < 0 && errno == ECONNRESET) return false;
  if (got < 0) throw_errno("recv");
  buffer_.append(space.data(), static_cast<std::size_t>(got));
  return got > 0;
}

std::string TestClient::read_bytes(std::size_t count) {
  while (buffer_.size() < count) {
    if (!fill()) throw Error(ErrorKind::kInternal, "closed after: " + buffer_);
  }
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return bytes;
}

std::string TestClient::read_until(std::string_view end) {
  for (;;) {
    const std::size_t at = buffer_.find(end);
    if (at != std::string::npos) return read_bytes(at + end.size());
    if (!fill()) throw Error(ErrorKind::kInternal, "closed after: " + buffer_);
  }
}

std::string TestClient::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

std::string TestClient::read_answer() {
  std::string answer = read_until("\r\n\r\n");
  const std::size_t at = answer.find("Content-Length: ");
  if (at != std::string::npos) answer += read_bytes(std::stoul(answer.substr(at + 16)));
  return answer;
}

std::string TestClient::ask(std::string_view request) {
  send(request);
  return read_answer();
}

}  // namespace berth::http
