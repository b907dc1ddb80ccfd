// How a container's processes are stopped, killed and waited for, and its groups removed.
#include <algorithm>
#include <csignal>
#include <set>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/runtime/cgroup.hpp"
#include "daemon/runtime/cgroup_files.hpp"

namespace berth::runtime {

namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

int left_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

/// v1 tells nobody when a group has frozen or its last thread has left: asking again is the only
/// way, a millisecond apart.
void pause_before_asking_again() {
  ::poll(nullptr, 0, 1);
}

/// Waits until a process is gone, or the deadline.
void wait_for_process(pid_t process, Clock::time_point deadline) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!handle) return;
  pollfd entry{handle.get(), POLLIN, 0};
  ::poll(&entry, 1, left_until(deadline));
}

/// v2: cgroup.events says "<key> 0" or "<key> 1" and wakes who polls it. True when it came to
/// `value`.
bool wait_for_event(int hierarchy, const std::string& relative, std::string_view key,
                    std::uint64_t value, Clock::time_point deadline) {
  const Fd events(::openat(hierarchy, (relative + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  for (;;) {
    if (!events) return value == 0;  // gone: neither populated nor frozen
    const std::string text = [&] {
      std::string content(256, '\0');
      const ssize_t got = ::pread(events.get(), content.data(), content.size(), 0);
      content.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
      return content;
    }();
    if (text.empty()) return value == 0;
    if (("\n" + text).find("\n" + std::string(key) + " " + std::to_string(value)) !=
        std::string::npos) {
      return true;
    }
    const int left = left_until(deadline);
    if (left == 0) return false;
    pollfd entry{events.get(), POLLPRI, 0};
    ::poll(&entry, 1, left);
  }
}

/// Removes the deepest group on one branch; returns 0 or errno. Descending anew for each needs no
/// more descriptors than one, however deep a container nested.
int remove_one_branch_end(int directory, const std::string& relative, std::string& removed) {
  removed = relative;
  static constexpr std::size_t kLongestPath = 4000;
  for (;;) {
    if (::unlinkat(directory, removed.c_str(), AT_REMOVEDIR) == 0) return 0;
    if (errno != EBUSY) return errno;
    const auto children = child_groups(directory, removed);
    if (children.empty() || removed.size() > kLongestPath) return EBUSY;
    removed += "/" + children.front();
  }
}

bool remove_group(const CgroupHierarchy& hierarchy, bool v2, const std::string& relative,
                  Clock::time_point deadline) {
  const int directory = hierarchy.directory.get();
  std::string removed;
  for (;;) {
    const int error = remove_one_branch_end(directory, relative, removed);
    if ((error == 0 && removed == relative) || error == ENOENT) return true;
    if (error == 0) continue;
    if (error != EBUSY || left_until(deadline) == 0) return false;
    const auto processes = read_processes(directory, removed);
    if (v2) {
      wait_for_event(directory, removed, "populated", 0, deadline);
    } else if (!processes.empty()) {
      wait_for_process(processes.front(), deadline);
    }
    // A dying thread counts a moment longer than its process is listed or its pidfd is quiet.
    pause_before_asking_again();
  }
}

/// One round; returns whether there was a process that had not been killed before.
bool kill_listed(const Cgroup& cgroup, std::set<pid_t>& killed) {
  bool found_new = false;
  for (const pid_t process : cgroup.processes()) {
    if (process == ::getpid()) continue;
    if (::kill(process, SIGKILL) == 0 && killed.insert(process).second) found_new = true;
  }
  return found_new;
}

}  // namespace

void Cgroup::freeze(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  const bool v2 = layout_->mode == CgroupLayout::Mode::kV2;
  const CgroupHierarchy* hierarchy = v2 ? main_hierarchy() : layout_->find("freezer");
  if (hierarchy == nullptr) {
    throw Error(ErrorKind::kNotImplemented,
                "cannot pause: this machine has no freezer cgroup controller");
  }
  const int directory = hierarchy->directory.get();
  const std::string file = relative_ + (v2 ? "/cgroup.freeze" : "/freezer.state");
  if (const int error = write_control(directory, file, v2 ? "1" : "FROZEN"); error != 0) {
    throw_errno("write", file, error);
  }
  bool frozen = v2 && wait_for_event(directory, relative_, "frozen", 1, deadline);
  while (!v2 && !frozen && left_until(deadline) > 0) {
    frozen = trim(read_control(directory, file)) == "FROZEN";
    if (!frozen) pause_before_asking_again();
  }
  if (frozen) return;
  thaw();
  throw Error(ErrorKind::kDeadline, "the processes did not freeze in time");
}

void Cgroup::thaw() {
  const bool v2 = layout_->mode == CgroupLayout::Mode::kV2;
  const CgroupHierarchy* hierarchy = v2 ? main_hierarchy() : layout_->find("freezer");
  if (hierarchy == nullptr) return;
  const std::string file = relative_ + (v2 ? "/cgroup.freeze" : "/freezer.state");
  const int error = write_control(hierarchy->directory.get(), file, v2 ? "0" : "THAWED");
  if (error != 0 && error != ENOENT) throw_errno("write", file, error);
}

bool Cgroup::is_frozen() const {
  const bool v2 = layout_->mode == CgroupLayout::Mode::kV2;
  const CgroupHierarchy* hierarchy = v2 ? main_hierarchy() : layout_->find("freezer");
  if (hierarchy == nullptr) return false;
  const std::string file = relative_ + (v2 ? "/cgroup.freeze" : "/freezer.state");
  const std::string state(trim(read_control(hierarchy->directory.get(), file)));
  return state == (v2 ? "1" : "FROZEN") || state == "FREEZING";
}

void Cgroup::kill_all() {
  const CgroupHierarchy* hierarchy = main_hierarchy();
  if (hierarchy == nullptr) return;
  const int directory = hierarchy->directory.get();
  if (layout_->mode == CgroupLayout::Mode::kV2 &&
      write_control(directory, relative_ + "/cgroup.kill", "1") == 0) {
    return;
  }
  // Standing still, they cannot fork away from the list while it is read.
  const bool freezer = layout_->find("freezer") != nullptr;
  std::set<pid_t> killed;
  if (!kill_listed(*this, killed)) return;
  if (freezer) write_control(directory, relative_ + "/freezer.state", "FROZEN");
  while (kill_listed(*this, killed)) {
  }
  thaw();
}

bool Cgroup::remove(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  const bool v2 = layout_->mode == CgroupLayout::Mode::kV2;
  bool all_gone = true;
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
    all_gone = remove_group(hierarchy, v2, relative_, deadline) && all_gone;
  }
  return all_gone;
}

}  // namespace berth::runtime
