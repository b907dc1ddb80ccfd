// The half of a connection that Exchange uses: bodies, answers, watching for the client's end.
#include <algorithm>
#include <array>
#include <cerrno>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/error.hpp"
#include "daemon/http/connection.hpp"

namespace berth::http {

namespace {

namespace beast = boost::beast;
using boost::system::error_code;

constexpr std::size_t kReadChunk = std::size_t{64} * 1024;
// What a handler left unread of a body is read and dropped up to here; beyond, the connection is
// closed.
constexpr std::size_t kSkipLimit = std::size_t{256} * 1024;

[[noreturn]] void client_gone(const error_code& error) {
  throw Error(ErrorKind::kCancelled, "the client went away: " + error.message());
}

/// Sends what the socket takes at once. Nothing when it takes nothing, or fails: the
/// asynchronous write behind it finds out why.
std::size_t send_now(int socket, std::string& head, std::string& body) {
  std::array<iovec, 2> pieces{{{head.data(), head.size()}, {body.data(), body.size()}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

}  // namespace

bool Connection::has_input() {
  error_code error;
  return socket_.available(error) > 0 && !error;
}

/// Takes what it can of the bytes that are here. True when it took some.
bool Connection::parse_body_some() {
  if (buffer_.size() == 0) return false;
  error_code error;
  const std::size_t taken = parser_->put(buffer_.data(), error);
  buffer_.consume(taken);
  const bool wants_more = error == beast::http::error::need_more;
  if (error && !wants_more && error != beast::http::error::need_buffer) {
    keep_alive_ = false;
    throw Error(ErrorKind::kInvalidArgument, "malformed request body: " + error.message());
  }
  return taken > 0;
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
  // Whoever waits for the body pays for each piece with trips between threads: it gets as much as
  // has come.
  while (!parser_->is_done() && body.size > 0) {
    if (parse_body_some()) continue;
    if (body.size < space.size() && !has_input()) break;
    error_code error;
    const std::size_t got = co_await socket_.async_read_some(
        buffer_.prepare(kReadChunk), asio::redirect_error(asio::use_awaitable, error));
    buffer_.commit(got);
    if (!error) continue;
    keep_alive_ = false;
    client_gone(error);
  }
  co_return space.size() - body.size;
}

Task<std::string> Connection::read_body(std::size_t limit) {
  const auto refuse = [&] {
    keep_alive_ = false;
    throw Error(ErrorKind::kTooLarge,
                "the request body is larger than " + std::to_string(limit) + " bytes");
  };
  const auto declared = parser_->content_length();
  if (declared && *declared > limit) refuse();
  std::string body;
  std::size_t size = 0;
  while (!parser_->is_done()) {
    // Space is made as bytes come: a promise of many costs nothing. One byte more than the limit
    // shows that there is more.
    const std::size_t left = declared ? static_cast<std::size_t>(*declared) - size : kReadChunk;
    body.resize(std::min(size + std::clamp<std::size_t>(left, 1, kReadChunk), limit + 1));
    size += co_await read_body_some(std::span(body.data() + size, body.size() - size));
    if (size > limit) refuse();
  }
  body.resize(size);
  co_return body;
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
  // The usual answer is small and the client reads: one system call, and no trip through the event
  // loop.
  std::size_t sent = send_now(socket_.native_handle(), head, body);
  if (sent == head.size() + body.size()) co_return;
  const std::size_t of_head = std::min(sent, head.size());
  const std::array<asio::const_buffer, 2> rest{asio::buffer(head) + of_head,
                                               asio::buffer(body) + (sent - of_head)};
  error_code error;
  co_await asio::async_write(socket_, rest, asio::redirect_error(asio::use_awaitable, error));
  if (error) client_gone(error);
}

Fd Connection::duplicate_socket() {
  return own_fd(::fcntl(socket_.native_handle(), F_DUPFD_CLOEXEC, 0), "fcntl", "F_DUPFD_CLOEXEC");
}

Task<> Connection::wait_disconnected() {
  if (draining_) co_return;
  watching_ = true;
  // Bytes that are there already belong to a body or a next request; behind them the end of the
  // stream cannot be seen, but a peer that closed its socket can.
  auto event = Socket::wait_read;
  for (;;) {
    error_code error;
    co_await socket_.async_wait(event, asio::redirect_error(asio::use_awaitable, error));
    if (error || event == Socket::wait_error) break;
    char byte = 0;
    const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
    if (got > 0) event = Socket::wait_error;
  }
  watching_ = false;
}

Task<Hijacked> Connection::hijack(std::string head) {
  if (!head.empty()) co_await write_all(std::move(head), {});
  hijacked_ = true;
  keep_alive_ = false;
  const auto early = buffer_.data();
  Hijacked hijacked;
  hijacked.early_bytes.assign(static_cast<const char*>(early.data()), early.size());
  hijacked.socket = Fd(socket_.release());
  co_return hijacked;
}

}  // namespace berth::http
