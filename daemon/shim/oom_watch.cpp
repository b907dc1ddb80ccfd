#include "daemon/shim/oom_watch.hpp"

#include <array>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include "common/error.hpp"

namespace berth::shim {

OomWatch::OomWatch(Loop& loop, std::shared_ptr<runtime::Cgroup> cgroup, std::function<void()> tell)
    : loop_(loop), cgroup_(std::move(cgroup)), tell_(std::move(tell)) {
  if (!cgroup_) return;
  try {
    watch_ = cgroup_->watch_oom();
    if (watch_) loop_.add(watch_.get(), EPOLLIN, [this](std::uint32_t) { on_event(); });
  } catch (const Error&) {
    watch_.reset();
  }
}

OomWatch::~OomWatch() {
  if (watch_) loop_.remove(watch_.get());
}

void OomWatch::on_event() {
  // One inotify event of a watched file takes 16 bytes, an eventfd's count 8.
  std::array<char, 512> dropped;
  while (::read(watch_.get(), dropped.data(), dropped.size()) == ssize_t{dropped.size()}) {
  }
  // v1 tells before the killer strikes and of nothing else. v2 tells of every change in a file that
  // counts other things, too.
  const bool v1 = cgroup_->layout().mode == runtime::CgroupLayout::Mode::kV1;
  const std::uint64_t before = std::exchange(seen_, cgroup_->oom_kills());
  if (v1 || seen_ > before) tell_();
}

}  // namespace berth::shim
