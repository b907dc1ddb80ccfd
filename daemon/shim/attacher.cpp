#include "daemon/shim/attacher.hpp"

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <sys/uio.h>

#include "daemon/shim/protocol.hpp"

namespace berth::shim {

namespace {

constexpr std::size_t kInputChunk = std::size_t{16} * 1024;
constexpr int kMostDropped = 64;
// More than two full pipes and what waits already, with the kernel's bookkeeping.
constexpr int kLastBuffer = 4 * 1024 * 1024;

std::array<char, 8> frame_header(Stream stream, std::size_t length) {
  return {static_cast<char>(stream),
          0,
          0,
          0,
          static_cast<char>(length >> 24U & 0xffU),
          static_cast<char>(length >> 16U & 0xffU),
          static_cast<char>(length >> 8U & 0xffU),
          static_cast<char>(length & 0xffU)};
}

}  // namespace

AttachSettings read_attach_settings(const nlohmann::json& body) {
  AttachSettings settings;
  settings.standard_input = flag_of(body, "stdin");
  settings.standard_output = flag_of(body, "stdout");
  settings.standard_error = flag_of(body, "stderr");
  settings.multiplexed = flag_of(body, "multiplexed");
  settings.detach_keys = from_hex(text_of(body, "detach_keys"));
  return settings;
}

Attacher::Attacher(Fd socket, AttachSettings settings)
    : socket_(std::move(socket)), settings_(std::move(settings)), keys_(settings_.detach_keys) {}

Attacher::~Attacher() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  // Closing a socket with something unread in it is told to the peer as a reset, which can overtake
  // the output that the peer has not read yet.
  std::array<char, kInputChunk> dropped;
  for (int i = 0; i < kMostDropped; ++i) {
    if (::recv(socket_.get(), dropped.data(), dropped.size(), MSG_DONTWAIT) <= 0) break;
  }
}

bool Attacher::send(Stream stream, std::string_view data) {
  const auto header = frame_header(stream, data.size());
  const std::string_view head(header.data(), settings_.multiplexed ? header.size() : 0);
  if (is_blocked()) {
    unsent_.append(head).append(data);
    return true;
  }
  std::array<iovec, 2> pieces{iovec{const_cast<char*>(head.data()), head.size()},
                              iovec{const_cast<char*>(data.data()), data.size()}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno != EAGAIN) return false;
  const auto done = static_cast<std::size_t>(sent > 0 ? sent : 0);
  if (done < head.size()) unsent_.append(head.substr(done));
  const std::size_t data_done = done > head.size() ? done - head.size() : 0;
  unsent_.append(data.substr(data_done));
  return true;
}

bool Attacher::flush() {
  std::size_t done = 0;
  while (done < unsent_.size()) {
    const ssize_t sent = ::send(socket_.get(), unsent_.data() + done, unsent_.size() - done,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      return false;
    }
    done += static_cast<std::size_t>(sent);
  }
  unsent_.erase(0, done);
  // What a slow client once needed is not kept for the rest of the container's life.
  if (unsent_.empty()) unsent_.shrink_to_fit();
  return true;
}

void Attacher::enlarge_buffer() noexcept {
  // Without CAP_NET_ADMIN up to the usual limit (socket(7)).
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kLastBuffer, sizeof kLastBuffer) !=
      0) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &kLastBuffer, sizeof kLastBuffer);
  }
}

void Attacher::hang_up() noexcept {
  hung_up_ = true;
  settings_.standard_output = false;
  settings_.standard_error = false;
  unsent_.clear();
}

Attacher::Typed Attacher::feed(std::string_view bytes, std::string& out) {
  if (settings_.detach_keys.empty()) {
    out.append(bytes);
    return Typed::kData;
  }
  return keys_.filter(bytes, out) ? Typed::kDetached : Typed::kData;
}

Attacher::Typed Attacher::receive(std::string& out) {
  std::array<char, kInputChunk> chunk;
  ssize_t got = 0;
  do {
    got = ::recv(socket_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? Typed::kNothing : Typed::kGone;
  if (got == 0) {
    input_ended_ = true;
    return Typed::kEnd;
  }
  return feed({chunk.data(), static_cast<std::size_t>(got)}, out);
}

}  // namespace berth::shim
