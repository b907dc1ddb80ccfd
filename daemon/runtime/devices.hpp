// Device nodes of a container. For PID 1 between clone and exec.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

/// What every /dev has: null, zero, full, random, urandom, tty, and the usual links. `dev` is the
/// folder.
bool fill_dev(Report& report, int dev);

/// The links alone.
bool link_dev(Report& report, int dev);

/// The devices that fill_dev() makes. Not between clone and exec: it allocates.
std::vector<DeviceNode> default_devices();

/// In a user namespace, where nobody may make nodes: binds the plan's devices, for which `trees`
/// were taken from the host.
bool bind_devices(const InitPlan& plan, Report& report, int root, std::vector<Fd>& trees);

/// The specification's further nodes; also /dev's own content where no mount brought it. A /dev
/// that is bound from elsewhere is left alone.
bool make_devices(const InitPlan& plan, Report& report, int root);

}  // namespace berth::runtime
