#include "daemon/http/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <sys/socket.h>

#include "api/error.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/http/request_head.hpp"
#include "daemon/http/status.hpp"

namespace berth::http {

namespace {

namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::size_t kHeadLimit = std::size_t{64} * 1024;
// What is read of a client at a time while it sends a head; most heads are far smaller.
constexpr std::size_t kHeadChunk = std::size_t{4} * 1024;
// From the first byte of a request to the end of its head.
constexpr std::chrono::seconds kHeadDeadline{30};

bool is_protocol_error(const error_code& error) {
  static const error_code kProtocol = beast::http::error::bad_method;
  return error.category() == kProtocol.category();
}

/// Calls the handler where the coroutine runs: it may do work before it returns its awaitable.
Task<> call(const Handler& handler, Exchange& exchange) {
  co_await handler(exchange);
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
  error_code ignored;
  if (between_requests_ || watching_) socket_.cancel(ignored);
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
  }
  abort();
}

/// Reads what is there into the buffer; waits when there is nothing.
Task<error_code> Connection::read_some() {
  error_code error;
  const auto space = buffer_.prepare(kHeadChunk);
  const std::size_t got =
      co_await socket_.async_read_some(space, asio::redirect_error(asio::use_awaitable, error));
  buffer_.commit(got);
  co_return error;
}

Task<bool> Connection::read_head() {
  // An idle connection may stay as long as it likes; a request that has begun may not.
  between_requests_ = true;
  if (buffer_.size() == 0 && co_await read_some()) co_return false;
  if (draining_) co_return false;
  between_requests_ = false;
  const error_code error = co_await parse_head();
  if (!error) {
    note_head();
    co_return true;
  }
  keep_alive_ = false;
  if (is_protocol_error(error)) co_await refuse_head(error);
  co_return false;
}

/// Parses a head from the buffer, and from the socket when it comes in pieces.
Task<error_code> Connection::parse_head() {
  parser_.emplace();
  parser_->header_limit(kHeadLimit);
  parser_->body_limit(boost::none);
  for (;;) {
    error_code error;
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (parser_->is_header_done()) break;
    if (error && error != beast::http::error::need_more) co_return error;
    if (!reading_head_) arm_head_deadline();
    error = co_await read_some();
    if (error) {
      reading_head_ = false;
      co_return error;
    }
  }
  if (std::exchange(reading_head_, false)) deadline_.cancel();
  co_return error_code{};
}

void Connection::arm_head_deadline() {
  reading_head_ = true;
  deadline_.expires_after(kHeadDeadline);
  deadline_.async_wait([guard = std::weak_ptr(alive_), this](const error_code& ended) {
    if (!ended && !guard.expired() && reading_head_) socket_.cancel();
  });
}

void Connection::note_head() {
  const auto& head = parser_->get();
  http_1_0_ = head.version() < 11;
  keep_alive_ = parser_->keep_alive() && !draining_;
  expects_continue_ = beast::iequals(head[beast::http::field::expect], "100-continue");
  wants_upgrade_ = !head[beast::http::field::upgrade].empty();
}

Task<> Connection::refuse_head(error_code error) {
  const bool too_large = error == beast::http::error::header_limit;
  api::ErrorResponse body;
  body.message = too_large
                     ? "the request's head is larger than " + std::to_string(kHeadLimit) + " bytes"
                     : "malformed request: " + error.message();
  Exchange exchange(*this, Request{});
  try {
    co_await exchange.send_json(too_large ? 431 : 400, api::to_text(body) + "\n");
  } catch (const Error&) {
    co_return;  // the client is gone
  }
}

Task<> Connection::handle() {
  std::optional<Exchange> exchange;
  std::exception_ptr failure;
  try {
    exchange.emplace(*this, make_request(parser_->get()));
    co_await run_handler(*exchange);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!exchange) exchange.emplace(*this, Request{});
  exchange->set_on_socket_thread(true);
  if (failure) {
    co_await answer_error(*exchange, failure);
  } else if (!exchange->answered()) {
    const Error nothing(ErrorKind::kInternal, "the handler gave no answer");
    co_await answer_error(*exchange, std::make_exception_ptr(nothing));
  }
}

Task<> Connection::run_handler(Exchange& exchange) {
  Router::Match match = router_.find(exchange.request().method, exchange.request().path);
  exchange.set_parameters(std::move(match.parameters));
  if (match.runs == Runs::kInline) {
    co_await (*match.handler)(exchange);
    co_return;
  }
  exchange.set_on_socket_thread(false);
  co_await asio::co_spawn(control_, call(*match.handler, exchange), asio::use_awaitable);
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
  // Once the status line is out, cutting the answer short is the only way left to say that it is
  // not whole.
  const bool can_answer = kind != ErrorKind::kCancelled && !hijacked_ && !exchange.answered();
  if (status >= 500) {
    log::error("{} {}: {}", exchange.request().method, exchange.request().path, body.message);
  }
  if (!can_answer) {
    keep_alive_ = false;
    co_return;
  }
  try {
    if (status == 304) {
      co_await exchange.send_empty(status);
    } else {
      co_await exchange.send_json(status, api::to_text(body) + "\n");
    }
  } catch (const Error&) {
    keep_alive_ = false;
  }
}

}  // namespace berth::http
