// What is set by writing into /proc: sysctls, the OOM score, the AppArmor profile. In PID 1 while
// the host's /proc is still there: no container can have put anything over it, and it is checked to
// be procfs all the same (CVE-2025-52881).
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

bool write_proc_settings(const InitPlan& plan, Report& report);

}  // namespace berth::runtime
