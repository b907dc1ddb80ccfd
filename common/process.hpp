// The one way to run another program to its end. Blocks: call it on a BlockingPool, never on the
// control thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

struct ProcessOptions {
  /// argv[0] is a path, or a name that is looked up in the daemon's own PATH.
  std::vector<std::string> argv;
  /// "NAME=value", all of it: nothing is inherited. Empty means the PATH alone.
  std::vector<std::string> environment;
  std::string stdin_data;
  /// Where these are descriptors they become the program's own 0, 1 and 2 in place of the above and
  /// of what is captured; not owned.
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
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

/// Where the PATH has the program; empty when it has none.
std::filesystem::path find_program(std::string_view name);

}  // namespace berth
