// A further process in a container that runs: it enters the namespaces and control groups of PID 1
// and becomes a program there, under the same restrictions. For a single-threaded caller (the
// shim), which becomes its parent and never waits for it: a container that stands still, or whose
// file systems hang, would hang the caller, too.
//
//   EnteringProcess entering = enter(process, options);
//   ... whenever entering.control() is readable: entering.advance() ...
#pragma once

#include <optional>

#include <sys/resource.h>

#include "daemon/runtime/launch.hpp"

namespace berth::runtime {

struct EnterOptions {
  /// Standard streams, seccomp filter and die_with_parent, as of a launch.
  LaunchOptions launch;
  pid_t init = -1;
  int init_pidfd = -1;
  const Cgroup* cgroup = nullptr;  // null: the container has none
  /// The limit of open files that the container's processes start with, when the caller raised its
  /// own.
  std::optional<rlimit64> file_limit;
};

class EnteringProcess {
 public:
  EnteringProcess(EnteringProcess&&) = default;
  EnteringProcess& operator=(EnteringProcess&&) = delete;
  /// Kills and reaps what was not reaped by waitid(2) on pidfd() and a call of reaped().
  ~EnteringProcess();

  /// Non-blocking; to be closed once the program runs or will not.
  int control() const noexcept { return control_.get(); }
  void close_control() noexcept { control_.reset(); }

  enum class Progress { kNone, kTerminal, kRunning, kFailed };
  /// Reads what the process said. kTerminal: terminal() is there, before the program runs. After
  /// kRunning, pidfd() tells the end; after kFailed nothing is left of it.
  Progress advance();

  /// 0 and -1 until it runs.
  pid_t pid() const noexcept { return pid_; }
  int pidfd() const noexcept { return pidfd_.get(); }
  /// The pty's master end; take it with std::move.
  Fd& terminal() noexcept { return terminal_; }
  const LaunchFailure& failure() const noexcept { return *failure_; }
  /// SIGKILL for it and for everything in its process group, whether it runs already or not.
  void kill() const noexcept;
  void reaped() noexcept { pidfd_.reset(); }

 private:
  friend EnteringProcess enter(Process process, const EnterOptions& options);
  EnteringProcess() = default;

  Progress conclude();

  Fd control_;
  Fd helper_;  // pidfd of the process that enters the namespaces and clones the program's
  Fd pidfd_;
  pid_t pid_ = 0;
  Fd terminal_;
  std::optional<LaunchFailure> failure_;
};

/// Throws Error{kInvalidArgument} for what the process gets wrong, Error when it cannot be cloned.
EnteringProcess enter(Process process, const EnterOptions& options);

/// What a client exits with for a session that failed so: 127 for what is not there, 126 for all
/// else, as dockerd has it.
int session_exit_code(const LaunchFailure& failure);

}  // namespace berth::runtime
