// One look at what a running container uses.
#pragma once

#include "api/stats.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::stats {

/// Everything but the names and what the sample before says. `pid` is the container's PID 1, in
/// whose network namespace the interfaces are counted, without entering it. Blocking. What cannot
/// be read is 0: the container may end meanwhile.
api::ContainerStats take_sample(const runtime::Cgroup& cgroup, int pid);

/// The kernel's numbers as the API has them; `machine_memory` stands in for a larger limit.
void fill_in(const runtime::CgroupStats& counters, std::uint64_t machine_memory,
             api::ContainerStats& sample);

}  // namespace berth::stats
