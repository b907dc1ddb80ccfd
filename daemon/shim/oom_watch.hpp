// Hears of the kernel's OOM killer while the container runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/fd.hpp"
#include "daemon/runtime/cgroup.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

class OomWatch {
 public:
  /// Calls `tell` whenever memory ran out in the group. A group that cannot be watched is not: the
  /// container's end still says what killed it. Both must outlive the watch.
  OomWatch(Loop& loop, std::shared_ptr<runtime::Cgroup> cgroup, std::function<void()> tell);
  ~OomWatch();
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

 private:
  void on_event();

  Loop& loop_;
  std::shared_ptr<runtime::Cgroup> cgroup_;
  std::function<void()> tell_;
  Fd watch_;
  std::uint64_t seen_ = 0;
};

}  // namespace berth::shim
