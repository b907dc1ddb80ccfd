#include "daemon/http/exchange.hpp"

#include <array>
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/async/run_on.hpp"
#include "daemon/http/connection.hpp"
#include "daemon/http/server_identity.hpp"
#include "daemon/http/status.hpp"
#include "daemon/http/websocket.hpp"

namespace berth::http {

namespace {

constexpr std::size_t kJsonLimit = std::size_t{8} << 20U;

}  // namespace

/// Runs `task` where the socket lives and resumes the caller where it was.
template <typename T>
Task<T> Exchange::on_socket(Task<T> task) {
  if (on_socket_thread_) return task;
  return run_on(connection_.executor(), std::move(task));
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

const std::string& Request::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  if (found == parameters.end()) {
    throw Error(ErrorKind::kInternal, "the route has no parameter " + std::string(name));
  }
  return found->second;
}

Exchange::Exchange(Connection& connection, Request request)
    : connection_(connection), request_(std::move(request)) {}

void Exchange::set_header(std::string name, std::string value) {
  extra_headers_.emplace_back(std::move(name), std::move(value));
}

Task<std::size_t> Exchange::read_some(std::span<char> buffer) {
  return on_socket(connection_.read_body_some(buffer));
}

Task<std::string> Exchange::read_body(std::size_t limit) {
  return on_socket(connection_.read_body(limit));
}

Task<std::string> Exchange::read_json() {
  std::string body = co_await read_body(kJsonLimit);
  if (body.empty()) co_return body;
  const std::string_view type = request_.header("content-type");
  const std::string_view media = trim(type.substr(0, type.find(';')));
  if (to_lower(media) != "application/json") {
    throw Error(
        ErrorKind::kInvalidArgument,
        "unsupported Content-Type header (" + std::string(type) + "): must be 'application/json'");
  }
  co_return body;
}

std::string Exchange::head(int status, std::string_view content_type) const {
  std::string text;
  text.reserve(256);
  text.append(connection_.is_http_1_0() ? "HTTP/1.0 " : "HTTP/1.1 ");
  text.append(std::to_string(status)).append(" ").append(reason(status)).append("\r\n");
  text.append("Api-Version: ").append(to_string(kCurrentVersion)).append("\r\n");
  if (!content_type.empty()) text.append("Content-Type: ").append(content_type).append("\r\n");
  text.append(identity_headers(connection_.is_experimental()));
  for (const auto& [name, value] : extra_headers_) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text;
}

Task<> Exchange::send(int status, std::string content_type, std::string body) {
  answered_ = true;
  std::string text = head(status, content_type);
  const bool bodiless = status == 204 || status == 304;
  if (!bodiless) text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  if (!connection_.keep_alive()) {
    text.append("Connection: close\r\n");
  } else if (connection_.is_http_1_0()) {
    text.append("Connection: keep-alive\r\n");
  }
  text.append("\r\n");
  if (bodiless || request_.method == "HEAD") body.clear();
  co_await on_socket(connection_.write_all(std::move(text), std::move(body)));
}

Task<> Exchange::send_json(int status, std::string body) {
  return send(status, "application/json", std::move(body));
}

Task<> Exchange::send_text(int status, std::string body) {
  return send(status, "text/plain; charset=utf-8", std::move(body));
}

Task<> Exchange::send_empty(int status) {
  return send(status, "", {});
}

Task<> Exchange::begin_stream(int status, std::string content_type) {
  answered_ = true;
  streaming_ = true;
  std::string text = head(status, content_type);
  if (connection_.is_http_1_0()) {
    // No chunks in HTTP/1.0: the end of the connection is the end of the body.
    connection_.close_after_answer();
  } else {
    text.append("Transfer-Encoding: chunked\r\n");
  }
  if (!connection_.keep_alive()) text.append("Connection: close\r\n");
  text.append("\r\n");
  co_await on_socket(connection_.write_all(std::move(text), {}));
}

Task<> Exchange::write(std::string piece) {
  if (piece.empty()) co_return;
  std::string size;
  if (!connection_.is_http_1_0()) {
    std::array<char, 20> digits{};
    std::snprintf(digits.data(), digits.size(), "%zx\r\n", piece.size());
    size = digits.data();
    piece.append("\r\n");
  }
  co_await on_socket(connection_.write_all(std::move(size), std::move(piece)));
}

Task<> Exchange::end_stream() {
  if (connection_.is_http_1_0()) co_return;
  co_await on_socket(connection_.write_all("0\r\n\r\n", {}));
}

StreamSender Exchange::sender() {
  return {connection_.duplicate_socket(), !connection_.is_http_1_0()};
}

Task<> Exchange::send_rest(StreamSender& sender) {
  std::string rest = sender.take_rest();
  if (!rest.empty()) co_await on_socket(connection_.write_all(std::move(rest), {}));
}

Task<Hijacked> Exchange::hijack(bool multiplexed) {
  answered_ = true;
  const std::string_view type = multiplexed && request_.version >= ApiVersion{1, 42}
                                    ? "application/vnd.docker.multiplexed-stream"
                                    : "application/vnd.docker.raw-stream";
  std::string text;
  if (connection_.wants_upgrade()) {
    text = "HTTP/1.1 101 UPGRADED\r\nContent-Type: " + std::string(type) +
           "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";
  } else {
    text = "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\n";
  }
  text += "Api-Version: " + to_string(kCurrentVersion) + "\r\n" +
          std::string(identity_headers(connection_.is_experimental())) + "\r\n";
  co_return co_await on_socket(connection_.hijack(std::move(text)));
}

Task<Hijacked> Exchange::hijack_websocket() {
  check_websocket_request(request_);
  answered_ = true;
  const auto shake_hands = [](Connection& connection, const Request& request) -> Task<Fd> {
    co_return co_await relay_websocket(request, co_await connection.hijack({}));
  };
  co_return Hijacked{co_await on_socket(shake_hands(connection_, request_)), {}};
}

/// A group's members must complete on one thread, hence the detour by this executor.
Task<> Exchange::disconnected() {
  return on_socket(connection_.wait_disconnected());
}

Task<> Exchange::while_connected(Task<> work) {
  const auto executor = co_await asio::this_coro::executor;
  auto group = asio::experimental::make_parallel_group(
      asio::co_spawn(executor, std::move(work), asio::deferred),
      asio::co_spawn(executor, disconnected(), asio::deferred));
  const auto [order, work_failure, watch_failure] =
      co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] == 1) throw Error(ErrorKind::kCancelled, "the client went away");
  if (work_failure) std::rethrow_exception(work_failure);
}

}  // namespace berth::http
