// Device nodes of a container. For PID 1 between clone and exec.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

/// What every /dev has: null, zero, full, random, urandom, tty, and the usual links. `dev` is the
/// folder.
bool fill_dev(Report& report, int dev);

/// The specification's further nodes; also /dev's own content where no mount brought it. A /dev
/// that is bound from elsewhere is left alone.
bool make_devices(const InitPlan& plan, Report& report, int root);

}  // namespace berth::runtime
