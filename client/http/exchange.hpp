// One request and its answer on one connection, blocking. The body is read as it comes, so that
// endless answers (logs, events, pull) can be shown while they last.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/fd.hpp"

namespace berth::client {

struct Request {
  std::string method = "GET";
  std::string target;  // path and query, escaped
  std::string body;    // sent with a content type of JSON when not empty
  std::vector<std::pair<std::string, std::string>> headers;
  int body_file = -1;    // instead of `body`: this open file to its end, chunked, as a tar archive
  bool upgrade = false;  // asks for the raw connection
};

/// What is left of a connection after the daemon gave it over to a raw stream.
struct RawStream {
  Fd socket;
  std::string early_bytes;  // of the stream, that came together with the head
};

class Exchange {
 public:
  /// Sends the whole request. Throws Error{kUnavailable} when the connection breaks.
  Exchange(Fd connection, const Request& request);
  Exchange(Exchange&&) noexcept;
  Exchange& operator=(Exchange&&) noexcept;
  ~Exchange();

  /// Waits for the head of the answer; the others do so by themselves.
  void read_head();

  int status();
  /// Empty when there is no such header.
  std::string header(std::string_view name);

  /// Waits for some of the body; 0 is its end. Throws Error{kUnavailable} when the connection
  /// breaks before.
  std::size_t read(char* buffer, std::size_t size);
  /// The rest of the body. Throws Error{kTooLarge} beyond 256 MiB.
  std::string read_all();

  /// Readable when more of the answer came, unless bytes of it are already here.
  int fd() const noexcept;

  /// The connection as a raw stream, after status() was 101 or 200.
  RawStream take_stream();

  /// The connection, for the next request; no Fd when the answer was not read to its end or the
  /// daemon closes it.
  Fd take_idle();

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// Escapes what may not stand in a query value or in one part of a path.
std::string escape_url(std::string_view text);

/// "?a=1&b=2" of the pairs whose value is not empty; values are escaped. Empty for none.
std::string query_string(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace berth::client
