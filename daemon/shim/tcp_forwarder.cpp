#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "daemon/shim/forwarder.hpp"

namespace berth::shim {

namespace {

// When descriptors or memory are short, trying at once again would be a busy loop.
constexpr std::chrono::milliseconds kRetry{200};
constexpr std::size_t kSpliceChunk = std::size_t{256} * 1024;

/// One direction of a connection.
struct Direction {
  int from = -1;
  int to = -1;
  Pipe pipe;
  std::size_t in_pipe = 0;
  bool from_ended = false;
  bool to_ended = false;

  bool done() const noexcept { return to_ended; }
};

enum class Progress { kWaits, kGoesOn, kBroken };
// Steps in one turn, so that a fast connection does not starve the container's output.
constexpr int kBurst = 32;
// Edge-triggered: each event is followed by pumping until nothing moves.
constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/// Moves what can be moved now.
Progress pump(Direction& way) {
  for (int step = 0; step < kBurst; ++step) {
    bool moved = false;
    if (!way.from_ended && way.in_pipe < kSpliceChunk) {
      const ssize_t got = ::splice(way.from, nullptr, way.pipe.write.get(), nullptr, kSpliceChunk,
                                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (got > 0) {
        way.in_pipe += static_cast<std::size_t>(got);
        moved = true;
      } else if (got == 0) {
        way.from_ended = true;
      } else if (errno != EAGAIN && errno != EINTR) {
        return Progress::kBroken;
      }
    }
    if (way.in_pipe > 0) {
      const ssize_t put = ::splice(way.pipe.read.get(), nullptr, way.to, nullptr, way.in_pipe,
                                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (put > 0) {
        way.in_pipe -= static_cast<std::size_t>(put);
        moved = true;
      } else if (put < 0 && errno != EAGAIN && errno != EINTR) {
        return Progress::kBroken;
      }
    }
    if (way.from_ended && way.in_pipe == 0 && !way.to_ended) {
      ::shutdown(way.to, SHUT_WR);
      way.to_ended = true;
    }
    if (!moved) return Progress::kWaits;
  }
  return Progress::kGoesOn;
}

}  // namespace

sockaddr_in container_address(const std::string& ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1) {
    throw Error(ErrorKind::kInvalidArgument, "invalid container address \"" + ip + "\"");
  }
  return address;
}

class TcpForwarder::Relay {
 public:
  Relay(Loop& loop, Fd client, const sockaddr_in& target, std::function<void()> ended)
      : loop_(loop), ended_(std::move(ended)), client_(std::move(client)) {
    container_ = own_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    const int on = 1;
    ::setsockopt(container_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(client_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(container_.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) !=
            0 &&
        errno != EINPROGRESS) {
      throw_errno("connect");
    }
    inward_ = {client_.get(), container_.get(), make_pipe(O_NONBLOCK), 0, false, false};
    outward_ = {container_.get(), client_.get(), make_pipe(O_NONBLOCK), 0, false, false};
    for (const Fd* socket : {&container_, &client_})
      loop_.add(socket->get(), kEvents, [this](std::uint32_t happened) { on_event(happened); });
  }

  ~Relay() {
    loop_.remove(client_.get());
    loop_.remove(container_.get());
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

 private:
  void on_event(std::uint32_t events) {
    if (!connected_) {
      int error = 0;
      socklen_t length = sizeof error;
      ::getsockopt(container_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
      sockaddr_in peer{};
      socklen_t peer_length = sizeof peer;
      connected_ = error == 0 && ::getpeername(container_.get(), reinterpret_cast<sockaddr*>(&peer),
                                               &peer_length) == 0;
      if (!connected_ && error == 0 && (events & EPOLLERR) == 0) return;
    }
    const Progress in = connected_ ? pump(inward_) : Progress::kBroken;
    const Progress out = connected_ ? pump(outward_) : Progress::kBroken;
    const bool broken = in == Progress::kBroken || out == Progress::kBroken;
    if (broken || (inward_.done() && outward_.done())) {
      const std::function<void()> ended = ended_;
      ended();  // destroys this object
    } else if (in == Progress::kGoesOn || out == Progress::kGoesOn) {
      // Setting the interest anew tells an edge again (epoll(7)).
      loop_.modify(client_.get(), kEvents);
    }
  }

  Loop& loop_;
  std::function<void()> ended_;
  Fd client_;
  Fd container_;
  Direction inward_;
  Direction outward_;
  bool connected_ = false;
};

TcpForwarder::TcpForwarder(Loop& loop, Fd listener, sockaddr_in target, std::size_t most_relays)
    : loop_(loop), listener_(std::move(listener)), target_(target), most_relays_(most_relays) {
  loop_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

TcpForwarder::~TcpForwarder() {
  loop_.cancel(retry_);
  loop_.remove(listener_.get());
}

void TcpForwarder::accept() {
  while (relays_.size() < most_relays_) {
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) {
      // One client that gave up meanwhile says nothing about the next (accept(2)).
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno == EAGAIN) return;
      listen(false);
      loop_.cancel(retry_);
      retry_ = loop_.after(kRetry, [this] { listen(true); });
      return;
    }
    const auto entry = relays_.insert(relays_.end(), nullptr);
    try {
      *entry = std::make_unique<Relay>(loop_, std::move(client), target_,
                                       [this, entry] { forget(entry); });
    } catch (const Error&) {
      // No route or no descriptors left: the client sees its connection closed.
      relays_.erase(entry);
    }
  }
  listen(false);
}

void TcpForwarder::forget(Relays::iterator relay) {
  relays_.erase(relay);
  listen(true);
}

void TcpForwarder::listen(bool on) {
  if (on == listening_) return;
  listening_ = on;
  loop_.modify(listener_.get(), on ? EPOLLIN : 0U);
}

}  // namespace berth::shim
