#include "daemon/http/stream_sender.hpp"

#include <array>
#include <cerrno>
#include <cstdio>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/error.hpp"

namespace berth::http {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

/// The parts of a chunk that are not sent yet.
class Parts {
 public:
  Parts(std::string_view head, std::string_view body, std::string_view end)
      : parts_{part(head), part(body), part(end)} {}

  bool empty() const { return first_ == parts_.size(); }

  msghdr message() {
    msghdr message{};
    message.msg_iov = parts_.data() + first_;
    message.msg_iovlen = parts_.size() - first_;
    return message;
  }

  void consume(std::size_t sent) {
    while (first_ < parts_.size() && sent >= parts_[first_].iov_len)
      sent -= parts_[first_++].iov_len;
    if (sent == 0) return;
    parts_[first_].iov_base = static_cast<char*>(parts_[first_].iov_base) + sent;
    parts_[first_].iov_len -= sent;
  }

  std::string text() const {
    std::string rest;
    for (std::size_t i = first_; i < parts_.size(); ++i)
      rest.append(static_cast<const char*>(parts_[i].iov_base), parts_[i].iov_len);
    return rest;
  }

 private:
  static iovec part(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

  std::array<iovec, 3> parts_;
  std::size_t first_ = 0;
};

}  // namespace

bool StreamSender::send(std::string_view piece, std::chrono::milliseconds patience) {
  if (piece.empty()) return true;
  std::array<char, 20> head{};
  int head_size = 0;
  if (chunked_) head_size = std::snprintf(head.data(), head.size(), "%zx\r\n", piece.size());
  Parts parts({head.data(), static_cast<std::size_t>(head_size)}, piece,
              chunked_ ? kLineEnd : std::string_view());
  while (!parts.empty()) {
    const msghdr message = parts.message();
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      parts.consume(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wait{socket_.get(), POLLOUT, 0};
      if (::poll(&wait, 1, static_cast<int>(patience.count())) > 0) continue;
      rest_ = parts.text();
      return false;
    } else if (errno != EINTR) {
      throw Error(ErrorKind::kCancelled, "the client went away: " + errno_text(errno));
    }
  }
  return true;
}

}  // namespace berth::http
