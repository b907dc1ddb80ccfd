// One client's connection: reads requests, runs their handlers, keeps the connection for the next.
// Private to this room. Lives on the streams executor; what the control thread may call says so.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <optional>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "daemon/http/exchange.hpp"
#include "daemon/http/router.hpp"

namespace berth::http {

using Socket = asio::generic::stream_protocol::socket;

class Connection {
 public:
  Connection(Socket socket, const Router& router, asio::any_io_executor control);

  /// Serves requests until the client leaves, or the connection is hijacked.
  Task<> serve();

  /// Lets the present answer be finished and no further request begin. What only waits (see
  /// Exchange::while_connected) is cut off at once.
  void drain();
  /// Ends what the client still waits for.
  void abort();

  // What Exchange needs; run on the streams executor by it.
  Task<std::size_t> read_body_some(std::span<char> space);
  Task<std::string> read_body(std::size_t limit);
  Task<> write_all(std::string head, std::string body);
  Task<> wait_disconnected();
  Task<Hijacked> hijack(std::string head);

  // From any thread.
  asio::any_io_executor executor() { return socket_.get_executor(); }
  bool keep_alive() const noexcept { return keep_alive_; }
  void close_after_answer() noexcept { keep_alive_ = false; }

  // From any thread while a handler runs: they stay as they are meanwhile.
  bool is_http_1_0() const noexcept { return http_1_0_; }
  bool wants_upgrade() const noexcept { return wants_upgrade_; }
  bool is_experimental() const noexcept { return router_.is_experimental(); }
  Fd duplicate_socket();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

  Task<bool> read_head();
  Task<boost::system::error_code> read_some();
  Task<boost::system::error_code> parse_head();
  void arm_head_deadline();
  void note_head();
  Task<> refuse_head(boost::system::error_code error);
  Task<> handle();
  Task<> run_handler(Exchange& exchange);
  Task<> answer_error(Exchange& exchange, std::exception_ptr failure);
  Task<bool> skip_body();
  bool has_input();
  bool parse_body_some();

  Socket socket_;
  const Router& router_;
  asio::any_io_executor control_;
  asio::steady_timer deadline_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  /// Tells a timer that fires late that the connection is gone.
  std::shared_ptr<int> alive_ = std::make_shared<int>();
  std::atomic<bool> keep_alive_ = true;
  bool reading_head_ = false;
  bool http_1_0_ = false;
  bool wants_upgrade_ = false;
  bool expects_continue_ = false;
  bool hijacked_ = false;
  bool draining_ = false;
  bool between_requests_ = true;
  bool watching_ = false;
};

}  // namespace berth::http
