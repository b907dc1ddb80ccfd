// The last step: working directory, look-up of the program, execve(2). In PID 1, as the container's
// user.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

/// chdir(2) into the working directory, which must be inside the root (CVE-2024-21626).
bool enter_working_directory(const InitPlan& plan, Report& report);

/// Finds args[0], in PATH when it has no slash, and executes it. Returns only when that failed,
/// with the exit code: 127 when there is none, 126 when it cannot be executed.
int execute(const InitPlan& plan, Report& report);

}  // namespace berth::runtime
