// One connection of the HTTP client. Includes Beast: for this room's .cpp files alone.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "daemon/registry/http_client.hpp"

namespace berth::registry {

namespace beast = boost::beast;
namespace http = boost::beast::http;

using RequestMessage = http::request<http::string_body>;
using RequestHead = http::request<http::empty_body>;
using ResponseParser = http::response_parser<http::buffer_body>;

class Connection {
 public:
  Connection(asio::any_io_executor executor, Url peer) : peer_(std::move(peer)), plain_(executor) {
    // Beast reads as much at a time as the buffer has room for, and starts with 512 bytes.
    buffer_.reserve(std::size_t{64} << 10U);
  }

  /// Name resolution, TCP, the proxy's CONNECT and TLS, as the URL and `proxy` (may be empty) want
  /// it. Throws NetworkError.
  Task<> open(std::string proxy, std::shared_ptr<asio::ssl::context> tls, bool verify);

  Task<> write(RequestMessage& request);
  /// The head, then the body as it comes. Throws NetworkError, and what the body throws.
  Task<> write(RequestHead& head, RequestBody& body);
  Task<> read_head(ResponseParser& parser);
  /// Body bytes into the parser's buffer.
  Task<> read_body_some(ResponseParser& parser);

  bool through_http_proxy() const { return absolute_form_; }
  const std::string& proxy_authorization() const { return proxy_authorization_; }

 private:
  Task<> connect(Url target);
  Task<> connect_through(Url proxy);
  Task<> handshake(std::shared_ptr<asio::ssl::context> tls, bool verify);
  beast::tcp_stream& socket() { return tls_ ? tls_->next_layer() : plain_; }
  Task<> write_piece(std::span<const std::byte> piece, bool chunked);
  [[noreturn]] void fail(NetworkError::Stage stage, std::string_view step,
                         const boost::system::error_code& error) const;
  [[noreturn]] void fail_handshake(const boost::system::error_code& error) const;

  Url peer_;
  beast::tcp_stream plain_;
  std::shared_ptr<asio::ssl::context> tls_context_;
  std::unique_ptr<asio::ssl::stream<beast::tcp_stream>> tls_;
  beast::flat_buffer buffer_;
  bool absolute_form_ = false;
  std::string proxy_authorization_;
};

/// The context for a server of that folder of certificates: TLS 1.2 and later, the system's CAs and
/// the folder's *.crt, and the client certificate found there. Throws Error.
std::shared_ptr<asio::ssl::context> make_tls_context(const std::filesystem::path& folder,
                                                     bool verify);

}  // namespace berth::registry
