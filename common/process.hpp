// The one way to run another program to its end. Blocks: call it on a BlockingPool, never on the
// control thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace berth {

struct ProcessOptions {
  /// argv[0] is a path, or a name that is looked up in the daemon's own PATH.
  std::vector<std::string> argv;
  /// "NAME=value", all of it: nothing is inherited. Empty means the PATH alone.
  std::vector<std::string> environment;
  std::string stdin_data;
  /// What goes beyond is read and dropped (ProcessResult::truncated).
  std::size_t stdout_limit = std::size_t{1} << 20U;
  std::size_t stderr_limit = std::size_t{64} << 10U;
  std::chrono::milliseconds deadline = std::chrono::seconds(60);
};

struct ProcessResult {
  /// What the program exited with, or 128 + the signal that ended it.
  int exit_code = 0;
  std::string standard_output;
  std::string standard_error;
  bool truncated = false;
};

/// Runs the program in a process group of its own, with default signal dispositions and no
/// descriptor but 0, 1 and 2; returns when it has ended (a grandchild that keeps the pipes open is
/// not waited for). Throws Error: kNotFound when there is no such program, kDeadline after having
/// killed the group, kInternal with errno otherwise.
ProcessResult run_process(const ProcessOptions& options);

/// run_process() that also throws Error{kInternal} when the exit code is not 0, with the program's
/// name and what it wrote to standard error. Returns its standard output.
std::string run_process_checked(const ProcessOptions& options);

}  // namespace berth
