// Control groups of one container, on cgroup v1 (one hierarchy a controller or several), v2, and
// the hybrid of both (cgroups(7); v1 decides there, since it holds the controllers).
//
// A Cgroup is a name below every hierarchy. Objects hold no kernel state but directory descriptors:
// the daemon's recovery makes one from the same path and goes on. Blocking: the daemon calls it on
// a BlockingPool. One thread at a time for each object.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "common/fd.hpp"
#include "daemon/runtime/cgroup_stats.hpp"
#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

/// One mounted hierarchy.
struct CgroupHierarchy {
  std::string mount_point;
  std::vector<std::string> controllers;  // "cpu", "cpuacct"; v2: those that the root offers
  std::string name;                      // of a named v1 hierarchy: "systemd"
  Fd directory;                          // of mount_point, O_PATH
};

/// What is mounted on this machine; read once, then shared.
struct CgroupLayout {
  enum class Mode { kNone, kV1, kV2 };
  Mode mode = Mode::kNone;
  std::vector<CgroupHierarchy> hierarchies;  // v2: exactly one

  const CgroupHierarchy* find(std::string_view controller) const;
};

/// Reads /proc/self/mountinfo. A machine without cgroups gives kNone. Throws Error when it cannot
/// be read.
std::shared_ptr<const CgroupLayout> detect_cgroups();
/// The same from a text in mountinfo's form; `root` goes in front of each mount point (tests).
std::shared_ptr<const CgroupLayout> detect_cgroups_in(std::string_view mountinfo,
                                                      const std::string& root);

class Cgroup {
 public:
  /// Names it; touches nothing. `path` is absolute and without "." and "..": throws
  /// Error{kInvalidArgument} otherwise.
  Cgroup(std::shared_ptr<const CgroupLayout> layout, std::string path);

  const std::string& path() const { return path_; }
  const CgroupLayout& layout() const { return *layout_; }

  /// Makes it in every hierarchy and applies the resources. Returns warnings about wishes that this
  /// kernel cannot honour (weights, swap); throws Error{kNotImplemented} that names a limit for
  /// which there is no controller, Error{kInvalidArgument} for a value that the kernel refuses.
  /// What was made before an error is removed again. Making one that exists, as is, is no error.
  std::vector<std::string> create(const Resources& resources);

  /// Applies what is set in `resources`, and leaves the rest. Errors and result as create().
  std::vector<std::string> update(const Resources& resources);

  /// Moves a process in. Throws Error.
  void add(pid_t process);

  /// v1: the files into which a single-threaded process writes "0" to enter by itself, absolute.
  /// That spares the kernel's global lock which cgroup.procs takes (an RCU grace period).
  std::vector<std::string> self_join_files() const;

  /// v2: the directory for CLONE_INTO_CGROUP; empty on v1. Throws Error.
  Fd clone_target() const;

  bool exists() const;

  /// All processes in it and below. Empty when it is gone.
  std::vector<pid_t> processes() const;

  /// What the processes inside use and used so far. Numbers that cannot be read are 0.
  CgroupStats stats() const;

  /// How often the kernel's OOM killer struck inside; 0 when unknown.
  std::uint64_t oom_kills() const;

  /// A descriptor that becomes readable (POLLIN) when memory ran out inside; read it to empty it.
  /// Empty when there is no memory controller.
  Fd watch_oom() const;

  /// Stops and resumes all processes inside; freeze() returns when they stand still. Throws Error;
  /// kDeadline when they do not within `limit`.
  void freeze(std::chrono::milliseconds limit = std::chrono::seconds(10));
  void thaw();
  /// Whether freeze() was called last.
  bool is_frozen() const;

  /// SIGKILL for all inside (v2: cgroup.kill; v1: repeated until none is new). Thaws what is
  /// frozen.
  void kill_all();

  /// Removes it and what the container made below. Waits for processes that are on their way out
  /// until `limit`; true when all is gone, also when it was before.
  bool remove(std::chrono::milliseconds limit = std::chrono::seconds(10));

 private:
  const CgroupHierarchy* main_hierarchy() const;

  std::shared_ptr<const CgroupLayout> layout_;
  std::string path_;
  std::string relative_;  // path_ without slashes that do nothing
};

}  // namespace berth::runtime
