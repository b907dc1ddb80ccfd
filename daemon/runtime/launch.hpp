// The start of a container: PID 1 is cloned, mounts its root, waits for the word, drops its
// privileges and becomes the container's program. For a single-threaded caller (the shim), which
// becomes and stays the parent.
//
//   InitProcess init = launch_init(document, options);   // created: mounts done, limits on
//   ... the daemon wires init.network_namespace() ...
//   if (auto failure = init.release()) ...               // or it runs
//   ... waitid(P_PIDFD, init.pidfd()) ...
//   init.cgroup()->kill_all(); init.cgroup()->remove();
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "daemon/runtime/cgroup.hpp"
#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

/// Where a start failed, for logs and tests; the message says it in words.
enum class Stage {
  kClone,
  kCgroup,
  kNamespaces,
  kRootfs,
  kMounts,
  kDevices,
  kSysctl,
  kPivot,
  kTerminal,
  kUser,
  kLimits,
  kPrivileges,
  kSeccomp,
  kWorkingDirectory,
  kExec,
};
const char* stage_name(Stage stage);

struct LaunchFailure {
  Stage stage = Stage::kClone;
  std::string message;  // what the user will read
  int system_error = 0;
  /// What `docker run` exits with: 127 no such program, 126 not executable, 125 all else.
  int exit_code = 125;
};

/// Of launch_init(). Kind: kInvalidArgument when the container's definition or image is at fault,
/// else kInternal.
class LaunchError : public Error {
 public:
  LaunchError(ErrorKind kind, LaunchFailure failure)
      : Error(kind, failure.message, failure.system_error), failure_(std::move(failure)) {}
  const LaunchFailure& failure() const noexcept { return failure_; }

 private:
  LaunchFailure failure_;
};

struct LaunchOptions {
  /// What become the process's 0, 1 and 2; not looked at when it has a terminal. Any that is -1
  /// becomes /dev/null. The caller closes its copies of the process's ends after launch_init().
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
  /// The seccomp filter as struct sock_filter[] bytes; empty: none.
  std::span<const std::byte> seccomp_filter;
  /// Called as soon as PID 1 is in its namespaces, while it still mounts: the network can be wired
  /// meanwhile. `network_namespace` is valid during the call; duplicate it to keep it.
  std::function<void(pid_t pid, int network_namespace)> on_namespaces;
  /// SIGKILL for PID 1 when the parent dies: a container without its shim has nobody who would
  /// read its output or record its end.
  bool die_with_parent = true;
  /// Overlay by mount(2) even where the kernel has lowerdir+ (tests of the old way).
  bool legacy_overlay = false;
};

class InitProcess {
 public:
  InitProcess(InitProcess&&) noexcept;
  InitProcess& operator=(InitProcess&&) = delete;
  /// Of one that was never released: kills and reaps it and removes its cgroup.
  ~InitProcess();

  pid_t pid() const noexcept { return pid_; }
  int pidfd() const noexcept { return pidfd_.get(); }
  /// The namespace in which PID 1 lives, also when it is the host's or a joined one.
  int network_namespace() const noexcept { return network_namespace_.get(); }
  /// The pty's master end (O_CLOEXEC, O_NONBLOCK not set); empty without a terminal. Take it with
  /// std::move.
  Fd& terminal() noexcept { return terminal_; }
  /// Null when the specification has no cgroupsPath or the machine no cgroups. Shared, so that it
  /// can outlive this object.
  const std::shared_ptr<Cgroup>& cgroup() const noexcept { return cgroup_; }
  /// What could not be done and was gone on without; complete after release().
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

  /// Lets PID 1 go on to its program; returns when that runs (empty), or why it does not. After a
  /// failure the process is reaped and its cgroup removed.
  std::optional<LaunchFailure> release();

 private:
  friend class Launcher;
  InitProcess() = default;
  void discard() noexcept;

  pid_t pid_ = -1;
  Fd pidfd_;
  Fd network_namespace_;
  Fd terminal_;
  Fd control_;
  std::shared_ptr<Cgroup> cgroup_;
  std::vector<std::string> warnings_;
  bool running_ = false;
};

/// Starts PID 1 and waits until its root is mounted, its limits are on and it waits for release().
/// Throws LaunchError; then nothing is left of it.
InitProcess launch_init(const LaunchDocument& document, const LaunchOptions& options);

/// A program file that cannot be written to through /proc/<pid>/exe (CVE-2019-5736): a detached
/// read-only mount of `path` that shares its page cache, or a sealed copy in memory where the
/// kernel has no open_tree(2). Run it by execveat(fd, "", argv, envp, AT_EMPTY_PATH) or fexecve.
/// The daemon makes one at start-up and starts every shim from it. Throws Error.
Fd seal_executable(const std::string& path);

/// Whether this process runs from such a file. The shim's main refuses, or seals and executes
/// itself, when not.
bool own_executable_is_sealed();

}  // namespace berth::runtime
