// The container's terminal: a pty out of its own devpts. For PID 1 between clone and exec.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/rootfs.hpp"

namespace berth::runtime {

struct Terminal {
  Fd master;
  Fd slave;
};

/// Opens the pty, gives it its size and mounts its slave on /dev/console.
bool open_terminal(const InitPlan& plan, Report& report, const MountedRoot& mounted,
                   Terminal& terminal);

/// The same for a process that joins the container: /dev/console stays as it is.
bool open_session_terminal(const InitPlan& plan, Report& report, const MountedRoot& mounted,
                           Terminal& terminal);

/// Makes 0, 1 and 2 out of the terminal or the plan's descriptors; `root` is for /dev/null.
bool set_up_stdio(const InitPlan& plan, Report& report, int root, const Terminal& terminal);

/// Gives pipes and the terminal at 0, 1 and 2 to the user, so that opening /dev/stdout works for
/// it.
bool give_stdio_to(Report& report, uid_t user);

}  // namespace berth::runtime
