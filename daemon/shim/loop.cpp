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
  Entry entry{std::make_shared<Handler>(std::move(handler)), ++generation_};
  epoll_event event{};
  event.events = events;
  event.data.u64 = pack(fd, entry.generation & 0xffffffffU);
  check_errno(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl", "add");
  entries_[fd] = std::move(entry);
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

Loop::Timer Loop::after(std::chrono::milliseconds delay, std::function<void()> action) {
  const Timer timer = ++last_timer_;
  alarms_[timer] = {std::chrono::steady_clock::now() + delay, std::move(action)};
  return timer;
}

void Loop::cancel(Timer timer) {
  alarms_.erase(timer);
}

int Loop::timeout() const {
  if (alarms_.empty()) return -1;
  const auto next = std::min_element(
      alarms_.begin(), alarms_.end(),
      [](const auto& left, const auto& right) { return left.second.when < right.second.when; });
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next->second.when -
                                                                 std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void Loop::fire_timers() {
  if (alarms_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  const Timer newest = last_timer_;
  // An action may add and cancel timers: look anew after each.
  for (auto at = alarms_.begin(); at != alarms_.end() && at->first <= newest && !stopped_;) {
    if (at->second.when > now) {
      ++at;
      continue;
    }
    const Timer fired = at->first;
    const auto action = std::move(at->second.action);
    alarms_.erase(at);
    action();
    at = alarms_.upper_bound(fired);
  }
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
    fire_timers();
  }
  stopped_ = false;
}

}  // namespace berth::shim
