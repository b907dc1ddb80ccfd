// Device rules of cgroup v2: a BPF program at the container's cgroup (BPF_PROG_TYPE_CGROUP_DEVICE),
// since v2 has no devices controller.
#pragma once

#include <span>
#include <vector>

#include <linux/bpf.h>

#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

/// The program for the rules: the last one that matches decides; without a match access is refused.
/// Pure.
std::vector<bpf_insn> device_program(std::span<const DeviceRule> rules);

/// Loads the program for the rules and attaches it to the cgroup, in place of what was attached
/// before. Throws Error with errno.
void attach_device_program(int cgroup, std::span<const DeviceRule> rules);

}  // namespace berth::runtime
