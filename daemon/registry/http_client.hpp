// A small HTTP/1.1 client: plain or TLS, direct or through a proxy, with kept-alive connections.
//
// Everything of one client runs on the one executor given (an io_context of one thread, or a
// strand); no other thread may touch it or its responses.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "daemon/async/task.hpp"
#include "daemon/registry/endpoint.hpp"
#include "daemon/registry/options.hpp"

namespace berth::registry {

/// The peer could not be reached, or went away in the middle; kind kUnavailable. The message names
/// the host.
class NetworkError : public Error {
 public:
  /// How far it got; only what never got past kHandshake may be tried over another scheme.
  enum class Stage { kConnect, kHandshake, kTransfer };

  NetworkError(Stage stage, const std::string& message)
      : Error(ErrorKind::kUnavailable, message), stage_(stage) {}
  Stage stage() const noexcept { return stage_; }

 private:
  Stage stage_;
};

/// A request's body that is sent as it is read.
class RequestBody {
 public:
  RequestBody() = default;
  virtual ~RequestBody() = default;
  RequestBody(const RequestBody&) = delete;
  RequestBody& operator=(const RequestBody&) = delete;

  /// Nothing while it is not known: then it goes out in chunks (RFC 9112, 7.1).
  virtual std::optional<std::uint64_t> size() const = 0;
  /// The next piece, valid until the next call; empty at the end.
  virtual Task<std::span<const std::byte>> next() = 0;
};

struct Request {
  std::string method = "GET";
  Url url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// Sent instead of `body`; the request cannot be repeated then.
  std::shared_ptr<RequestBody> stream;
};

/// How a TLS server is judged: `name` is its folder below Options::certificates.
struct Trust {
  bool verify = true;
  std::string name;
};

/// An answer whose body is read as it comes. Dropping it early closes the connection.
class Response {
 public:
  struct State;
  explicit Response(std::unique_ptr<State> state);
  Response(Response&&) noexcept;
  Response& operator=(Response&&) noexcept;
  ~Response();

  unsigned status() const;
  /// The first header of that name in any case; empty when there is none.
  std::string header(std::string_view name) const;
  /// Every header of that name, for those that may come more than once.
  std::vector<std::string> headers(std::string_view name) const;

  /// Some bytes of the body, 0 at its end. Throws NetworkError when the body is cut.
  Task<std::size_t> read_some(std::span<std::byte> buffer);
  /// The whole body. Throws Error{kTooLarge} beyond `limit`.
  Task<std::string> read_body(std::size_t limit);

 private:
  std::unique_ptr<State> state_;
};

class HttpClient {
 public:
  HttpClient(asio::any_io_executor executor, const Options& options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Sends the request and reads the answer's head; every status is returned as it came and no
  /// redirect is followed. Throws NetworkError, or boost::system::system_error when cancelled. The
  /// client must outlive the response.
  Task<Response> send(Request request, Trust trust);

  asio::any_io_executor executor() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace berth::registry
