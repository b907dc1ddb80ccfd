// The life of PID 1 from its clone to the container's program.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/rootfs.hpp"

namespace berth::runtime {

/// Runs in the cloned process and never returns. `control` is its end of the socket to the parent;
/// `sources` was made for the plan's mounts.
[[noreturn]] void run_init(const InitPlan& plan, int control, BindSources& sources) noexcept;

}  // namespace berth::runtime
