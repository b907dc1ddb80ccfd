#include "client/http/exchange.hpp"

#include <array>
#include <cstdio>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <sys/socket.h>

#include "common/error.hpp"

namespace berth::client {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

constexpr std::size_t kBufferSize = std::size_t{64} << 10U;
constexpr std::size_t kLargestBody = std::size_t{256} << 20U;
constexpr std::uint32_t kLargestHead = 256U << 10U;

Error connection_lost(const std::string& why) {
  return Error(ErrorKind::kUnavailable, "the connection to the daemon broke: " + why);
}

void send_all(int socket, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(socket, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      throw connection_lost(errno_text(errno));
    }
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string format_head(const Request& request) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: berth\r\n" +
                     "User-Agent: berth\r\n";
  for (const auto& [name, value] : request.headers)
    head += name + ": " + value + "\r\n";
  if (request.upgrade) head += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  if (request.body_file >= 0) {
    head += "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n";
  } else if (!request.body.empty()) {
    head +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(request.body.size()) +
        "\r\n";
  } else if (request.method != "GET" && request.method != "HEAD") {
    head += "Content-Length: 0\r\n";
  }
  return head + "\r\n";
}

}  // namespace

class Exchange::State {
 public:
  State(Fd connection, const Request& request) : socket_(std::move(connection)) {
    parser_.emplace();
    parser_->header_limit(kLargestHead);
    parser_->body_limit(boost::none);
    if (request.method == "HEAD") parser_->skip(true);
    send_all(socket_.get(), format_head(request) + request.body);
    if (request.body_file >= 0) send_body(request.body_file);
  }

  void read_head() {
    while (!parser_->is_header_done()) {
      if (begin_ == end_ || starved_) fill();
      feed();
    }
  }

  std::size_t read(char* buffer, std::size_t size) {
    read_head();
    auto& body = parser_->get().body();
    while (!parser_->is_done()) {
      body.data = buffer;
      body.size = size;
      body.more = true;
      if (begin_ == end_ || starved_) fill();
      if (parser_->is_done()) break;
      feed();
      if (body.size < size) return size - body.size;
    }
    return 0;
  }

  RawStream take_stream() {
    read_head();
    return {std::move(socket_), std::string(buffer_.data() + begin_, end_ - begin_)};
  }

  Fd take_idle() {
    const bool reusable = parser_->is_done() && parser_->keep_alive() && begin_ == end_;
    return reusable ? std::move(socket_) : Fd();
  }

  http::response_parser<http::buffer_body>& parser() { return *parser_; }
  int fd() const noexcept { return socket_.get(); }

 private:
  /// A daemon that refuses answers before it read all of it: that answer says more than the broken
  /// connection.
  void send_body(int file) {
    try {
      send_file(file);
    } catch (const Error& error) {
      char first = 0;
      const bool answered =
          ::recv(socket_.get(), &first, sizeof first, MSG_PEEK | MSG_DONTWAIT) == sizeof first;
      if (error.kind() != ErrorKind::kUnavailable || !answered) throw;
    }
  }

  void send_file(int file) {
    std::string chunk(kBufferSize, '\0');
    while (true) {
      const ssize_t count = ::read(file, chunk.data(), chunk.size());
      if (count < 0 && errno == EINTR) continue;
      check_errno(count, "read", "the archive");
      if (count == 0) break;
      std::array<char, 24> size{};
      const int length =
          std::snprintf(size.data(), size.size(), "%zx\r\n", static_cast<std::size_t>(count));
      send_all(socket_.get(), {size.data(), static_cast<std::size_t>(length)});
      send_all(socket_.get(), {chunk.data(), static_cast<std::size_t>(count)});
      send_all(socket_.get(), "\r\n");
    }
    send_all(socket_.get(), "0\r\n\r\n");
  }

  /// Gets more bytes from the socket behind those that the parser has not taken yet.
  void fill() {
    if (begin_ == end_) {
      begin_ = end_ = 0;
    } else if (end_ == buffer_.size()) {
      if (begin_ == 0)
        buffer_.resize(buffer_.size() * 2);  // a long head; its limit is the parser's
      buffer_.erase(0, begin_);
      buffer_.resize(std::max(buffer_.size(), kBufferSize));
      end_ -= begin_;
      begin_ = 0;
    }
    ssize_t count = 0;
    do {
      count = ::recv(socket_.get(), buffer_.data() + end_, buffer_.size() - end_, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw connection_lost(errno_text(errno));
    starved_ = false;
    if (count == 0) {
      // Not a byte of an answer came; the parser may not be asked then.
      if (!parser_->got_some()) throw connection_lost("it was closed");
      error_code error;
      parser_->put_eof(error);
      if (error || !parser_->is_done()) throw connection_lost("it was closed");
      return;
    }
    end_ += static_cast<std::size_t>(count);
  }

  /// Gives the parser what is there.
  void feed() {
    error_code error;
    const boost::asio::const_buffer input(buffer_.data() + begin_, end_ - begin_);
    begin_ += parser_->put(input, error);
    if (error == http::error::need_more) {
      starved_ = true;
    } else if (error && error != http::error::need_buffer) {
      throw Error(ErrorKind::kUnavailable,
                  "the daemon's answer is no valid HTTP: " + error.message());
    }
  }

  Fd socket_;
  std::optional<http::response_parser<http::buffer_body>> parser_;
  std::string buffer_ = std::string(kBufferSize, '\0');
  std::size_t begin_ = 0;  // of the bytes that the parser has not taken
  std::size_t end_ = 0;
  bool starved_ = false;  // the parser cannot go on with those alone
};

Exchange::Exchange(Fd connection, const Request& request)
    : state_(std::make_unique<State>(std::move(connection), request)) {}
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange& Exchange::operator=(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

void Exchange::read_head() {
  state_->read_head();
}

int Exchange::status() {
  state_->read_head();
  return static_cast<int>(state_->parser().get().result_int());
}

std::string Exchange::header(std::string_view name) {
  state_->read_head();
  const auto value = state_->parser().get()[boost::beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

std::size_t Exchange::read(char* buffer, std::size_t size) {
  return state_->read(buffer, size);
}

std::string Exchange::read_all() {
  std::string text;
  std::string part(kBufferSize, '\0');
  while (const std::size_t count = read(part.data(), part.size())) {
    text.append(part, 0, count);
    if (text.size() > kLargestBody) {
      throw Error(ErrorKind::kTooLarge, "the daemon's answer is larger than 256 MiB");
    }
  }
  return text;
}

int Exchange::fd() const noexcept {
  return state_->fd();
}
RawStream Exchange::take_stream() {
  return state_->take_stream();
}
Fd Exchange::take_idle() {
  return state_->take_idle();
}

std::string escape_url(std::string_view text) {
  constexpr std::string_view kPlain = "-_.~/:@";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (letter || (byte >= '0' && byte <= '9') || kPlain.find(character) != kPlain.npos) {
      result += character;
    } else {
      result += '%';
      result += kDigits[byte >> 4U];
      result += kDigits[byte & 0xFU];
    }
  }
  return result;
}

std::string query_string(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string result;
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    result += result.empty() ? '?' : '&';
    result += name + "=" + escape_url(value);
  }
  return result;
}

}  // namespace berth::client
