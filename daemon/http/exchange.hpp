// One request and its answer, as a handler sees them.
//
// Handlers run on the control executor; the socket lives on the streams executor. Every awaitable
// function here hops there and back, so a slow client never holds up control state.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/fd.hpp"
#include "daemon/async/task.hpp"
#include "daemon/http/query.hpp"
#include "daemon/http/stream_sender.hpp"
#include "daemon/http/version.hpp"

namespace berth::http {

struct Request {
  std::string method;
  std::string path;  // decoded, without the version
  ApiVersion version;
  Query query;
  std::vector<std::pair<std::string, std::string>> headers;    // names in lower case
  std::map<std::string, std::string, std::less<>> parameters;  // of the route's pattern

  /// The first value, or "". `name` in lower case.
  std::string_view header(std::string_view name) const;
  /// Of a name in braces in the route's pattern.
  const std::string& parameter(std::string_view name) const;
};

/// A client's connection that a handler took over.
struct Hijacked {
  Fd socket;                // blocking mode is as accept(2) gave it: non-blocking
  std::string early_bytes;  // what the client sent behind its request already
};

class Connection;

class Exchange {
 public:
  Exchange(Connection& connection, Request request);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const noexcept { return request_; }
  const Query& query() const noexcept { return request_.query; }
  const std::string& parameter(std::string_view name) const { return request_.parameter(name); }

  /// The whole body. Throws Error{kTooLarge} beyond `limit`, {kCancelled} when the client goes
  /// away.
  Task<std::string> read_body(std::size_t limit);
  /// The body of a JSON request, 8 MiB at most; an absent one is "". Throws Error{kInvalidArgument}
  /// when Content-Type does not say that it is JSON: web pages can have browsers send other types
  /// without asking.
  Task<std::string> read_json();
  /// The next bytes of the body; 0 at its end.
  Task<std::size_t> read_some(std::span<char> buffer);

  /// Each exchange is answered once, by one of these. Throws Error{kCancelled} when the client is
  /// gone.
  Task<> send_json(int status, std::string body);
  Task<> send_text(int status, std::string body);
  Task<> send_empty(int status);

  /// An answer in pieces: begin, write as often as there is something, end. Each write is flushed.
  Task<> begin_stream(int status, std::string content_type);
  Task<> write(std::string piece);
  Task<> end_stream();
  /// For much data of a stream that was begun; see there. May outlive neither exchange nor stream.
  StreamSender sender();
  Task<> send_rest(StreamSender& sender);

  /// Answers 101 to a client that asks to upgrade and 200 to one that does not, then gives the
  /// connection away. `multiplexed` picks the content type of a stream with frames.
  Task<Hijacked> hijack(bool multiplexed);

  /// The same for a client that asks for a WebSocket: the result's bytes travel in its frames.
  /// Throws Error{kInvalidArgument} for one that does not, {kForbidden} for a foreign web page's.
  Task<Hijacked> hijack_websocket();

  /// Awaits `work`, which is cancelled (terminal cancellation of Asio) when the client goes away or
  /// the daemon stops meanwhile: then this throws Error{kCancelled}. For requests that wait for
  /// something or whose answer goes on; work that changes something shields that part itself.
  Task<> while_connected(Task<> work);

  void set_parameters(std::map<std::string, std::string, std::less<>> parameters) {
    request_.parameters = std::move(parameters);
  }
  /// One more header of the answer.
  void set_header(std::string name, std::string value);
  bool answered() const noexcept { return answered_; }
  /// True once begin_stream was called: an error can be told inside the stream only.
  bool streaming() const noexcept { return streaming_; }

  /// The connection's word on where the handler runs: on the thread of its socket there is no need
  /// to hop.
  void set_on_socket_thread(bool here) noexcept { on_socket_thread_ = here; }

 private:
  template <typename T>
  Task<T> on_socket(Task<T> task);
  Task<> disconnected();
  std::string head(int status, std::string_view content_type) const;
  Task<> send(int status, std::string content_type, std::string body);

  Connection& connection_;
  Request request_;
  std::vector<std::pair<std::string, std::string>> extra_headers_;
  bool answered_ = false;
  bool streaming_ = false;
  bool on_socket_thread_ = true;
};

}  // namespace berth::http
