#include "daemon/http/connection.hpp"

#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/url/pct_string_view.hpp>
#include <sys/socket.h>

#include "api/error.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/text.hpp"
#include "daemon/http/status.hpp"

namespace berth::http {

namespace {

namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::size_t kHeadLimit = std::size_t{64} * 1024;
// What a handler left unread of a body is read and dropped up to here; beyond, the connection is
// closed.
constexpr std::size_t kSkipLimit = std::size_t{256} * 1024;
// From the first byte of a request to the end of its head.
constexpr std::chrono::seconds kHeadDeadline{30};
constexpr std::size_t kReadChunk = std::size_t{64} * 1024;

[[noreturn]] void client_gone(const error_code& error) {
  throw Error(ErrorKind::kCancelled, "the client went away: " + error.message());
}

std::string decode_path(std::string_view encoded) {
  const auto decoded = boost::urls::make_pct_string_view(encoded);
  if (!decoded) {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid path \"" + std::string(encoded) + "\": not URL encoded");
  }
  return decoded->decode();
}

}  // namespace

Connection::Connection(Socket socket, const Router& router, asio::any_io_executor control)
    : socket_(std::move(socket)),
      router_(router),
      control_(std::move(control)),
      deadline_(socket_.get_executor()) {}

void Connection::drain() {
  draining_ = true;
  keep_alive_ = false;
  if (between_requests_) {
    error_code ignored;
    socket_.cancel(ignored);
  }
}

void Connection::abort() {
  error_code ignored;
  if (socket_.is_open()) socket_.shutdown(Socket::shutdown_both, ignored);
}

Task<> Connection::serve() {
  while (keep_alive_ && !hijacked_ && co_await read_head()) {
    co_await handle();
    if (hijacked_) co_return;
    if (!co_await skip_body()) break;
    if (draining_) break;
  }
  error_code ignored;
  if (socket_.is_open()) socket_.shutdown(Socket::shutdown_both, ignored);
}

Task<bool> Connection::read_head() {
  between_requests_ = true;
  error_code error;
  if (buffer_.size() == 0) {
    // An idle connection may stay as long as it likes; a request that has begun may not.
    const auto space = buffer_.prepare(kReadChunk / 16);
    const std::size_t got =
        co_await socket_.async_read_some(space, asio::redirect_error(asio::use_awaitable, error));
    if (error || draining_) co_return false;
    buffer_.commit(got);
  }
  between_requests_ = false;
  parser_.emplace();
  parser_->header_limit(kHeadLimit);
  parser_->body_limit(boost::none);
  // The timer is armed for heads that come in pieces; the usual one is in the buffer whole.
  deadline_.expires_after(kHeadDeadline);
  deadline_.async_wait([guard = std::weak_ptr(alive_), this](const error_code& ended) {
    if (!ended && !guard.expired() && reading_head_) socket_.cancel();
  });
  reading_head_ = true;
  co_await beast::http::async_read_header(socket_, buffer_, *parser_,
                                          asio::redirect_error(asio::use_awaitable, error));
  reading_head_ = false;
  deadline_.cancel();
  if (!error) {
    note_head();
    co_return true;
  }
  keep_alive_ = false;
  if (error != asio::error::operation_aborted && error != beast::http::error::end_of_stream &&
      error.category() == beast::http::make_error_code(beast::http::error::bad_method).category()) {
    const bool too_large = error == beast::http::error::header_limit;
    api::ErrorResponse body;
    body.message = "malformed request: " + error.message();
    Exchange exchange(*this, Request{});
    co_await exchange.send_json(too_large ? 431 : 400, api::to_text(body) + "\n");
  }
  co_return false;
}

void Connection::note_head() {
  const auto& head = parser_->get();
  http_1_0_ = head.version() < 11;
  keep_alive_ = parser_->keep_alive() && !draining_;
  expects_continue_ = beast::iequals(head[beast::http::field::expect], "100-continue");
  wants_upgrade_ = !head[beast::http::field::upgrade].empty();
}

Request Connection::make_request() {
  const auto& head = parser_->get();
  Request request;
  request.method = std::string(head.method_string());
  const std::string_view target(head.target().data(), head.target().size());
  const std::size_t mark = target.find('?');
  const std::string path = decode_path(target.substr(0, mark));
  const auto [version, rest] = split_version(path);
  request.version = version;
  request.path = std::string(rest);
  if (mark != std::string_view::npos) request.query = Query(target.substr(mark + 1));
  for (const auto& field : head) {
    request.headers.emplace_back(to_lower({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value().data(), field.value().size()));
  }
  return request;
}

Task<> Connection::handle() {
  std::optional<Exchange> exchange;
  std::exception_ptr failure;
  try {
    exchange.emplace(*this, make_request());
    Router::Match match = router_.find(exchange->request().method, exchange->request().path);
    exchange->set_parameters(std::move(match.parameters));
    if (match.runs == Runs::kInline) {
      co_await (*match.handler)(*exchange);
    } else {
      co_await asio::co_spawn(control_, (*match.handler)(*exchange), asio::use_awaitable);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (!exchange) exchange.emplace(*this, Request{});
  if (failure) {
    co_await answer_error(*exchange, failure);
  } else if (!exchange->answered()) {
    log::error("{} {}: the handler gave no answer", exchange->request().method,
               exchange->request().path);
    co_await exchange->send_empty(500);
  }
}

Task<> Connection::answer_error(Exchange& exchange, std::exception_ptr failure) {
  ErrorKind kind = ErrorKind::kInternal;
  api::ErrorResponse body;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    kind = error.kind();
    body.message = error.what();
  } catch (const std::exception& error) {
    body.message = error.what();
  }
  const int status = status_of(kind);
  if (kind == ErrorKind::kCancelled || hijacked_) {
    keep_alive_ = false;
    co_return;
  }
  if (status >= 500) {
    log::error("{} {}: {}", exchange.request().method, exchange.request().path, body.message);
  }
  if (exchange.answered()) {
    // The status line is out: cutting the stream short is the only way left to say that it is not
    // whole.
    keep_alive_ = false;
    co_return;
  }
  try {
    if (status == 304) {
      co_await exchange.send_empty(status);
    } else {
      co_await exchange.send_json(status, api::to_text(body) + "\n");
    }
  } catch (const std::exception&) {
    keep_alive_ = false;
  }
}

std::optional<std::uint64_t> Connection::declared_length() const {
  const auto length = parser_->content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

Task<std::size_t> Connection::read_body_some(std::span<char> space) {
  if (!parser_ || parser_->is_done()) co_return 0;
  if (std::exchange(expects_continue_, false)) {
    co_await write_all("HTTP/1.1 100 Continue\r\n\r\n", {});
  }
  auto& body = parser_->get().body();
  body.data = space.data();
  body.size = space.size();
  body.more = true;
  error_code error;
  while (!parser_->is_done() && body.size == space.size()) {
    co_await beast::http::async_read_some(socket_, buffer_, *parser_,
                                          asio::redirect_error(asio::use_awaitable, error));
    if (error == beast::http::error::need_buffer) break;
    if (error) client_gone(error);
  }
  co_return space.size() - body.size;
}

Task<bool> Connection::skip_body() {
  if (!keep_alive_ || parser_->is_done()) co_return keep_alive_;
  // A client that waits for "100 Continue" and got its answer instead sends no body.
  if (expects_continue_) co_return false;
  std::vector<char> space(kReadChunk);
  std::size_t skipped = 0;
  try {
    while (!parser_->is_done() && skipped < kSkipLimit)
      skipped += co_await read_body_some(space);
  } catch (const Error&) {
    co_return false;
  }
  co_return parser_->is_done();
}

Task<> Connection::write_all(std::string head, std::string body) {
  const std::array<asio::const_buffer, 2> pieces{asio::buffer(head), asio::buffer(body)};
  error_code error;
  co_await asio::async_write(socket_, pieces, asio::redirect_error(asio::use_awaitable, error));
  if (error) client_gone(error);
}

Task<> Connection::wait_disconnected() {
  // Bytes that are there already belong to a body or a next request: such a client is not watched.
  for (;;) {
    error_code error;
    co_await socket_.async_wait(Socket::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    char byte = 0;
    const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) co_return;
    if (got > 0) {
      asio::steady_timer never(socket_.get_executor(), asio::steady_timer::time_point::max());
      co_await never.async_wait(asio::use_awaitable);
    }
  }
}

Hijacked Connection::release() {
  hijacked_ = true;
  keep_alive_ = false;
  const auto early = buffer_.data();
  Hijacked hijacked;
  hijacked.early_bytes.assign(static_cast<const char*>(early.data()), early.size());
  hijacked.socket = Fd(socket_.release());
  return hijacked;
}

}  // namespace berth::http
