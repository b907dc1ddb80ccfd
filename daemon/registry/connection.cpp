#include "daemon/registry/connection.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "daemon/async/signal.hpp"
#include "daemon/registry/credentials.hpp"

namespace berth::registry {

namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kConnectTimeout = std::chrono::seconds(15);
constexpr auto kHandshakeTimeout = std::chrono::seconds(15);
/// Without a byte in or out for so long, the peer counts as gone.
constexpr auto kStallTimeout = std::chrono::seconds(60);
/// Signed URLs of storage services make long headers.
constexpr std::uint32_t kMaxHeadSize = 128U << 10U;

/// getaddrinfo(3) cannot be interrupted: what it found late lands here, with nobody waiting.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}
  tcp::resolver resolver;
  AsyncSignal done;
  error_code error;
  tcp::resolver::results_type results;
};

bool is_cancelled(const error_code& error) {
  return error == asio::error::operation_aborted;
}

std::string reason(const error_code& error) {
  if (error == beast::error::timeout) return "timed out";
  if (error == http::error::end_of_stream || error == asio::error::eof ||
      error == http::error::partial_message || error == asio::ssl::error::stream_truncated)
    return "connection closed by the peer";
  if (error.category() == boost::system::system_category()) return errno_text(error.value());
  return error.message();
}

/// What the server is asked for by name (RFC 6066, 3: names alone, no addresses), and what its
/// certificate must be made out to.
void set_tls_name(SSL* tls, const std::string& host, bool verify) {
  error_code no_address;
  static_cast<void>(asio::ip::make_address(host, no_address));
  bool done = true;
  if (no_address) {
    done = SSL_set_tlsext_host_name(tls, host.c_str()) == 1 &&
           (!verify || SSL_set1_host(tls, host.c_str()) == 1);
  } else if (verify) {
    done = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host.c_str()) == 1;
  }
  if (!done) throw Error(ErrorKind::kInternal, "cannot prepare TLS for \"" + host + "\"");
}

}  // namespace

void Connection::fail(NetworkError::Stage stage, std::string_view step,
                      const error_code& error) const {
  if (is_cancelled(error)) throw boost::system::system_error(error);
  throw NetworkError(stage, "cannot reach \"" + peer_.authority() + "\": " + std::string(step) +
                                ": " + reason(error));
}

Task<> Connection::open(std::string proxy, std::shared_ptr<asio::ssl::context> tls, bool verify) {
  if (proxy.empty()) {
    co_await connect(peer_);
  } else {
    co_await connect_through(parse_url(proxy));
  }
  if (peer_.tls) co_await handshake(std::move(tls), verify);
}

Task<> Connection::connect(Url target) {
  const auto executor = co_await asio::this_coro::executor;
  const auto lookup = std::make_shared<Lookup>(executor);
  lookup->resolver.async_resolve(target.host, target.port,
                                 [lookup](const error_code& error, const auto& results) {
                                   lookup->error = error;
                                   lookup->results = results;
                                   lookup->done.set();
                                 });
  const bool resolved = co_await lookup->done.wait_for(kConnectTimeout);
  const std::string step = "look up \"" + target.host + "\"";
  if (!resolved) fail(NetworkError::Stage::kConnect, step, beast::error::timeout);
  if (lookup->error) fail(NetworkError::Stage::kConnect, step, lookup->error);

  error_code error;
  plain_.expires_after(kConnectTimeout);
  co_await plain_.async_connect(lookup->results, asio::redirect_error(asio::use_awaitable, error));
  if (error) fail(NetworkError::Stage::kConnect, "connect", error);
  plain_.socket().set_option(tcp::no_delay(true), error);
}

Task<> Connection::connect_through(Url proxy) {
  if (proxy.tls) {
    throw Error(ErrorKind::kNotImplemented,
                "proxy \"" + proxy.authority() + "\" must be an http:// URL");
  }
  if (!proxy.username.empty()) {
    proxy_authorization_ = basic_authorization(proxy.username, proxy.password);
  }
  co_await connect(proxy);
  if (!peer_.tls) {
    absolute_form_ = true;
    co_return;
  }
  const std::string host =
      peer_.host.find(':') == std::string::npos ? peer_.host : "[" + peer_.host + "]";
  http::request<http::empty_body> request(http::verb::connect, host + ":" + peer_.port, 11);
  request.set(http::field::host, host + ":" + peer_.port);
  if (!proxy_authorization_.empty()) {
    request.set(http::field::proxy_authorization, proxy_authorization_);
  }
  error_code error;
  plain_.expires_after(kHandshakeTimeout);
  co_await http::async_write(plain_, request, asio::redirect_error(asio::use_awaitable, error));
  if (error) fail(NetworkError::Stage::kConnect, "proxy", error);
  http::response_parser<http::empty_body> answer;
  answer.skip(true);  // a CONNECT's success has no body, and a failure's is of no use
  co_await http::async_read_header(plain_, buffer_, answer,
                                   asio::redirect_error(asio::use_awaitable, error));
  if (error) fail(NetworkError::Stage::kConnect, "proxy", error);
  if (answer.get().result() != http::status::ok) {
    throw NetworkError(NetworkError::Stage::kConnect,
                       "cannot reach \"" + peer_.authority() + "\": proxy \"" + proxy.authority() +
                           "\" answered " + std::to_string(answer.get().result_int()));
  }
  buffer_.clear();
}

Task<> Connection::handshake(std::shared_ptr<asio::ssl::context> tls, bool verify) {
  tls_context_ = std::move(tls);
  tls_ = std::make_unique<asio::ssl::stream<beast::tcp_stream>>(std::move(plain_), *tls_context_);
  set_tls_name(tls_->native_handle(), peer_.host, verify);
  error_code error;
  socket().expires_after(kHandshakeTimeout);
  co_await tls_->async_handshake(asio::ssl::stream_base::client,
                                 asio::redirect_error(asio::use_awaitable, error));
  if (error) fail_handshake(error);
}

void Connection::fail_handshake(const error_code& error) const {
  const std::string what = "cannot reach \"" + peer_.authority() + "\": ";
  const long verdict = SSL_get_verify_result(tls_->native_handle());
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    throw NetworkError(NetworkError::Stage::kHandshake,
                       what + "the server's certificate is for another host");
  }
  if (verdict != X509_V_OK) {
    throw NetworkError(NetworkError::Stage::kHandshake,
                       what + "the server's certificate is not trusted: " +
                           X509_verify_cert_error_string(verdict));
  }
  if (error.category() == asio::error::get_ssl_category() &&
      ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER) {
    throw NetworkError(NetworkError::Stage::kHandshake,
                       what +
                           "the server does not speak TLS; plain http is for registries in "
                           "\"insecure-registries\"");
  }
  fail(NetworkError::Stage::kHandshake, "TLS", error);
}

Task<> Connection::write(RequestMessage& request) {
  error_code error;
  socket().expires_after(kStallTimeout);
  if (tls_) {
    co_await http::async_write(*tls_, request, asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await http::async_write(plain_, request, asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) fail(NetworkError::Stage::kTransfer, "send", error);
}

Task<> Connection::write(RequestHead& head, RequestBody& body) {
  error_code error;
  http::request_serializer<http::empty_body> serializer(head);
  socket().expires_after(kStallTimeout);
  if (tls_) {
    co_await http::async_write_header(*tls_, serializer,
                                      asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await http::async_write_header(plain_, serializer,
                                      asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) fail(NetworkError::Stage::kTransfer, "send", error);
  const bool chunked = head.chunked();
  for (;;) {
    const std::span<const std::byte> piece = co_await body.next();
    if (!piece.empty() || chunked) co_await write_piece(piece, chunked);
    if (piece.empty()) co_return;
  }
}

Task<> Connection::write_piece(std::span<const std::byte> piece, bool chunked) {
  const auto send = [this](auto& stream, const auto& buffers) -> Task<> {
    error_code error;
    co_await asio::async_write(stream, buffers, asio::redirect_error(asio::use_awaitable, error));
    if (error) fail(NetworkError::Stage::kTransfer, "send", error);
  };
  const auto send_any = [&](const auto& buffers) -> Task<> {
    socket().expires_after(kStallTimeout);
    if (tls_) {
      co_await send(*tls_, buffers);
    } else {
      co_await send(plain_, buffers);
    }
  };
  const asio::const_buffer content(piece.data(), piece.size());
  if (!chunked) {
    co_await send_any(content);
  } else if (piece.empty()) {
    co_await send_any(http::make_chunk_last());
  } else {
    co_await send_any(http::make_chunk(content));
  }
}

Task<> Connection::read_head(ResponseParser& parser) {
  parser.header_limit(kMaxHeadSize);
  parser.body_limit(boost::none);
  error_code error;
  socket().expires_after(kStallTimeout);
  if (tls_) {
    co_await http::async_read_header(*tls_, buffer_, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await http::async_read_header(plain_, buffer_, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) fail(NetworkError::Stage::kTransfer, "receive", error);
}

Task<> Connection::read_body_some(ResponseParser& parser) {
  error_code error;
  socket().expires_after(kStallTimeout);
  if (tls_) {
    co_await http::async_read_some(*tls_, buffer_, parser,
                                   asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await http::async_read_some(plain_, buffer_, parser,
                                   asio::redirect_error(asio::use_awaitable, error));
  }
  if (error && error != http::error::need_buffer) {
    fail(NetworkError::Stage::kTransfer, "receive", error);
  }
}

}  // namespace berth::registry
