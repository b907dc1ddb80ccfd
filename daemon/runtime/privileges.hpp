// What PID 1 gives up before it becomes the container's program. Between clone and exec.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/user.hpp"

namespace berth::runtime {

/// Resource limits; where CAP_SYS_RESOURCE is missing, as far as it goes, with a warning.
bool set_rlimits(const InitPlan& plan, Report& report);

/// Joins a new session keyring, so that the container shares none with the host.
bool leave_keyring(Report& report);

/// Groups, user, capabilities, no_new_privs and the seccomp filter, in the order that each needs.
bool drop_privileges(const InitPlan& plan, Report& report, const ResolvedUser& user);

}  // namespace berth::runtime
