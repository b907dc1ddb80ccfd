// What PID 1 and the process of a session have in common between clone and exec.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/terminal.hpp"
#include "daemon/runtime/user.hpp"

namespace berth::runtime {

/// The caller blocks and ignores signals for its own ends; the program starts with none of that.
void reset_signals() noexcept;

/// Enters the plan's groups of cgroup v1.
bool join_groups(const InitPlan& plan, Report& report);

/// Who the program runs as, and the text of its HOME.
struct Identity {
  ResolvedUser user;
  FixedText<4200> home;
};

/// Standard streams, user, resource limits, keyring, HOME, umask: all that can be done before the
/// program may run. `root` is the container's. Afterwards every descriptor but 0, 1 and 2 is
/// close-on-exec.
bool prepare_program(const InitPlan& plan, Report& report, int root, const Terminal& terminal,
                     Identity& identity);

/// Gives up the privileges and becomes the program. Returns only when that failed, with the exit
/// code.
int become_program(const InitPlan& plan, Report& report, const Identity& identity);

}  // namespace berth::runtime
