#include "daemon/http/websocket.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <sys/socket.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::http {

namespace {

namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using LocalSocket = asio::local::stream_protocol::socket;

// Also for the closing handshake of a client that does not answer any more.
constexpr std::chrono::seconds kHandshakeLimit{30};
constexpr std::size_t kPiece = std::size_t{32} * 1024;

/// Both directions hold it; it ends with the later one.
struct Relay {
  Relay(Socket client, LocalSocket server)
      : outside(std::move(client)), inside(std::move(server)) {}

  websocket::stream<Socket> outside;
  LocalSocket inside;
};

Task<> carry_input(std::shared_ptr<Relay> relay) {
  std::array<char, kPiece> piece;
  error_code error;
  while (!error) {
    const std::size_t size = co_await relay->outside.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(relay->inside, asio::buffer(piece.data(), size),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  // The client left: so does its other direction.
  relay->inside.shutdown(LocalSocket::shutdown_both, error);
}

Task<> carry_output(std::shared_ptr<Relay> relay) {
  std::array<char, kPiece> piece;
  error_code error;
  while (!error) {
    const std::size_t size = co_await relay->inside.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await relay->outside.async_write(asio::buffer(piece.data(), size),
                                        asio::redirect_error(asio::use_awaitable, error));
  }
  co_await relay->outside.async_close(websocket::close_code::normal,
                                      asio::redirect_error(asio::use_awaitable, error));
}

/// The handshake's lines as they came, since Beast wants to read them itself.
std::string handshake_text(const Request& request) {
  std::string text = "GET / HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) {
    if (name != "content-length" && name != "transfer-encoding")
      text.append(name).append(": ").append(value).append("\r\n");
  }
  return text.append("\r\n");
}

/// "https://host:port" without its scheme.
std::string_view authority_of(std::string_view origin) {
  const auto slashes = origin.find("://");
  return slashes == std::string_view::npos ? origin : origin.substr(slashes + 3);
}

int family_of(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  check_errno(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
  return address.ss_family;
}

}  // namespace

void check_websocket_request(const Request& request) {
  if (to_lower(request.header("upgrade")) != "websocket" ||
      request.header("sec-websocket-key").empty() ||
      request.header("sec-websocket-version") != "13") {
    throw Error(ErrorKind::kInvalidArgument,
                "not a WebSocket handshake: Upgrade: websocket, Sec-WebSocket-Key and "
                "Sec-WebSocket-Version: 13 are needed");
  }
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && authority_of(origin) != request.header("host")) {
    throw Error(ErrorKind::kForbidden,
                "the origin " + std::string(origin) + " may not open a WebSocket here");
  }
}

Task<Fd> relay_websocket(const Request& request, Hijacked client) {
  const auto executor = co_await asio::this_coro::executor;
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  const int family = family_of(client.socket.get());
  auto relay = std::make_shared<Relay>(
      Socket(executor, asio::generic::stream_protocol(family, 0), client.socket.release()),
      LocalSocket(executor, asio::local::stream_protocol(), pair.first.release()));
  relay->outside.binary(true);
  websocket::stream_base::timeout limits{};
  limits.handshake_timeout = kHandshakeLimit;
  limits.idle_timeout = websocket::stream_base::none();
  relay->outside.set_option(limits);
  const std::string handshake = handshake_text(request) + client.early_bytes;
  error_code error;
  co_await relay->outside.async_accept(asio::buffer(handshake),
                                       asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    throw Error(ErrorKind::kCancelled, "the WebSocket handshake failed: " + error.message());
  }
  asio::co_spawn(executor, carry_input(relay), asio::detached);
  asio::co_spawn(executor, carry_output(relay), asio::detached);
  co_return std::move(pair.second);
}

}  // namespace berth::http
