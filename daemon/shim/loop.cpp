#include "daemon/shim/loop.hpp"

#include <algorithm>
#include <array>

#include <sys/epoll.h>

#include "common/error.hpp"

namespace berth::shim {

namespace {

// An event carries the descriptor and the number of its registration: after a remove() and an add()
// of the same number within one batch, the stale event is known as such.
std::uint64_t pack(int fd, std::uint64_t generation) {
  return (generation << 32U) | static_cast<std::uint32_t>(fd);
}

}  // namespace

Loop::Loop() : epoll_(own_fd(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

void Loop::add(int fd, std::uint32_t events, Handler handler) {
  Entry& entry = entries_[fd];
  entry.handler = std::make_shared<Handler>(std::move(handler));
  entry.generation = ++generation_;
  epoll_event event{};
  event.events = events;
  event.data.u64 = pack(fd, entry.generation & 0xffffffffU);
  check_errno(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl", "add");
}

void Loop::modify(int fd, std::uint32_t events) {
  const auto found = entries_.find(fd);
  if (found == entries_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = pack(fd, found->second.generation & 0xffffffffU);
  check_errno(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event), "epoll_ctl", "modify");
}

void Loop::remove(int fd) {
  if (entries_.erase(fd) == 0) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::after(std::chrono::milliseconds delay, std::function<void()> action) {
  action_ = std::move(action);
  action_time_ = std::chrono::steady_clock::now() + delay;
}

int Loop::timeout() const {
  if (!action_) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(action_time_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void Loop::run() {
  std::array<epoll_event, 32> events{};
  while (!stopped_) {
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout());
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    for (int i = 0; i < count && !stopped_; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const auto found = entries_.find(static_cast<int>(event.data.u64 & 0xffffffffU));
      if (found == entries_.end() ||
          (found->second.generation & 0xffffffffU) != event.data.u64 >> 32U)
        continue;
      const std::shared_ptr<Handler> handler = found->second.handler;
      (*handler)(event.events);
    }
    if (action_ && std::chrono::steady_clock::now() >= action_time_)
      std::exchange(action_, nullptr)();
  }
}

}  // namespace berth::shim
