#include "daemon/shim/receiver.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "daemon/shim/receiver_address.hpp"

namespace berth::shim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kConnectLimit{10};
constexpr seconds kLongestRetry{60};
// How long a container waits for a receiver that takes nothing at all.
constexpr seconds kPatience{10};
constexpr seconds kFinishLimit{5};

int pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// Waits for the end of a connect(2) that is under way; 0 or errno.
int await_connect(int socket) {
  pollfd waiting{socket, POLLOUT, 0};
  const auto limit = std::chrono::duration_cast<milliseconds>(kConnectLimit).count();
  const int ready = ::poll(&waiting, 1, static_cast<int>(limit));
  if (ready == 0) return ETIMEDOUT;
  return ready < 0 ? errno : pending_error(socket);
}

}  // namespace

Receiver::Receiver(Loop& loop, ReceiverSettings settings, const LogEvents& events)
    : loop_(loop), settings_(std::move(settings)), events_(events) {}

Receiver::~Receiver() {
  unwatch();
  for (const Loop::Timer timer : {retry_, stall_, limit_})
    loop_.cancel(timer);
}

bool Receiver::is_stream() const noexcept {
  return settings_.receiver.network == "tcp" || settings_.receiver.network == "unix";
}

// --- the connection ------------------------------------------------------------------------------

/// `error` is 0, EINPROGRESS, or why there is no socket.
Fd Receiver::begin_connect(const std::string& address, int& error) const {
  const SocketAddress parsed = parse_socket_address(settings_.receiver.network, address);
  Fd socket(::socket(parsed.get()->sa_family, parsed.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  error = 0;
  if (!socket || ::connect(socket.get(), parsed.get(), parsed.length) != 0) error = errno;
  // A stream of AF_UNIX whose listener has no room says so in this way (connect(2)).
  if (error == EAGAIN) error = ECONNREFUSED;
  if (error != 0 && error != EINPROGRESS) socket.reset();
  return socket;
}

void Receiver::connect_now() {
  int error = 0;
  for (const std::string& address : settings_.receiver.addresses) {
    Fd socket = begin_connect(address, error);
    if (error == EINPROGRESS) error = await_connect(socket.get());
    if (error != 0) continue;
    connected(std::move(socket));
    return;
  }
  throw Error(ErrorKind::kUnavailable,
              "failed to initialize logging driver: cannot connect to " + settings_.receiver.shown +
                  ": " + errno_text(error),
              error);
}

void Receiver::connect_next() {
  const auto& addresses = settings_.receiver.addresses;
  int error = 0;
  socket_ = begin_connect(addresses[next_address_++ % addresses.size()], error);
  if (!socket_) {
    disconnect(errno_text(error));
  } else if (error == EINPROGRESS) {
    state_ = State::kConnecting;
    watch(EPOLLOUT);
  } else {
    connected(std::move(socket_));
  }
}

void Receiver::connected(Fd socket) {
  socket_ = std::move(socket);
  state_ = State::kConnected;
  retries_ = 0;
  // A stream whose other end is closed would take one more message, which nobody reads.
  watch(is_stream() ? EPOLLRDHUP : 0U);
}

void Receiver::disconnect(const std::string& why) {
  unwatch();
  socket_.reset();
  state_ = State::kAway;
  sent_ = 0;
  why_away_ = why;
  retry_later();
}

void Receiver::retry_later() {
  if (retry_ != 0) return;
  if (retries_ >= settings_.most_retries) {
    lose(queue_.size(), why_away_);
    queue_.clear();
    queued_ = 0;
    retries_ = 0;
    go_on();
    end_if_done();
    return;  // the next message begins anew
  }
  milliseconds wait = settings_.retry_wait;
  for (int i = 0; i < retries_ && wait < kLongestRetry; ++i)
    wait += wait / 2;
  ++retries_;
  retry_ = loop_.after(std::min<milliseconds>(wait, kLongestRetry), [this] {
    retry_ = 0;
    connect_next();
    flush();
  });
}

void Receiver::on_event(std::uint32_t events) {
  if (state_ == State::kConnecting) {
    if (const int error = pending_error(socket_.get()); error != 0) {
      disconnect(errno_text(error));
      return;
    }
    unwatch();
    connected(std::move(socket_));
  } else if (is_stream() && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    disconnect("it closed the connection");
    return;
  }
  flush();
}

void Receiver::watch(std::uint32_t events) {
  if (watched_) {
    loop_.modify(socket_.get(), events);
  } else {
    loop_.add(socket_.get(), events, [this](std::uint32_t happened) { on_event(happened); });
    watched_ = true;
  }
}

void Receiver::unwatch() {
  if (std::exchange(watched_, false)) loop_.remove(socket_.get());
}

// --- messages ------------------------------------------------------------------------------------

void Receiver::send(std::string message) {
  if (message.empty()) return;
  const auto room = static_cast<std::size_t>(settings_.receiver.buffer);
  const bool waits = settings_.receiver.blocking && patient_;
  // One that waits was told so late that a little more comes (is_full()).
  if (!waits && queued_ + message.size() > room) {
    lose(1, state_ == State::kConnected ? "it is too slow" : why_away_);
    return;
  }
  queued_ += message.size();
  queue_.push_back(std::move(message));
  if (waits && queued_ > room) wait_for_room();
}

void Receiver::flush() {
  if (state_ == State::kAway && retry_ == 0 && !queue_.empty()) connect_next();
  if (state_ != State::kConnected) return;
  while (!queue_.empty() && state_ == State::kConnected) {
    if (!write_front()) break;
  }
  if (state_ == State::kConnected) {
    const std::uint32_t always = is_stream() ? EPOLLRDHUP : 0U;
    watch(queue_.empty() ? always : always | EPOLLOUT);
  }
  end_if_done();
}

/// False when no more can be sent now.
bool Receiver::write_front() {
  const std::string& message = queue_.front();
  const ssize_t sent = ::send(socket_.get(), message.data() + sent_, message.size() - sent_,
                              MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) {
    sent_ += static_cast<std::size_t>(sent);
    if (!is_stream() || sent_ == message.size()) drop_front();
    note_progress();
    return true;
  }
  switch (errno) {
    case EINTR:
      return true;
    case EAGAIN:
    case ENOBUFS:
      return false;
    case EMSGSIZE:
      lose(1, "a message is too large for a datagram");
      drop_front();
      return true;
    case ECONNREFUSED:
      // By UDP that is about an earlier message, which nobody took; this one is another try.
      if (settings_.receiver.network == "udp") {
        lose(1, errno_text(ECONNREFUSED));
        return true;
      }
      [[fallthrough]];
    default:
      disconnect(errno_text(errno));
      return false;
  }
}

void Receiver::drop_front() {
  queued_ -= queue_.front().size();
  queue_.pop_front();
  sent_ = 0;
}

void Receiver::note_progress() {
  patient_ = true;
  if (!full_) return;
  if (queued_ * 2 <= static_cast<std::size_t>(settings_.receiver.buffer)) {
    go_on();
    return;
  }
  loop_.cancel(std::exchange(stall_, 0));
  wait_for_room();
}

void Receiver::wait_for_room() {
  full_ = true;
  if (stall_ != 0) return;
  stall_ = loop_.after(kPatience, [this] {
    stall_ = 0;
    patient_ = false;
    go_on();
  });
}

void Receiver::go_on() {
  loop_.cancel(std::exchange(stall_, 0));
  if (std::exchange(full_, false)) events_.ready();
}

void Receiver::lose(std::uint64_t lines, const std::string& why) {
  if (lines > 0) events_.lost(lines, settings_.receiver.shown + ": " + why);
}

// --- the end -------------------------------------------------------------------------------------

void Receiver::finish(std::function<void()> done) {
  flush();
  if (queue_.empty()) {
    done();
    return;
  }
  done_ = std::move(done);
  limit_ = loop_.after(kFinishLimit, [this] {
    limit_ = 0;
    lose(queue_.size(), state_ == State::kConnected ? "it is too slow" : why_away_);
    queue_.clear();
    queued_ = 0;
    end_if_done();
  });
}

void Receiver::end_if_done() {
  if (!queue_.empty() || !done_) return;
  loop_.cancel(std::exchange(limit_, 0));
  std::exchange(done_, nullptr)();
}

}  // namespace berth::shim
