// The parts of proc(5) that a sample needs. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "api/stats.hpp"

namespace berth::stats {

struct MachineCpu {
  std::uint64_t usage = 0;  // of all CPUs together, idling included, in nanoseconds
  std::uint32_t online = 0;
};

/// /proc/stat.
MachineCpu parse_machine_cpu(std::string_view text);

/// /proc/<pid>/net/dev, without the loopback interface and those that the kernel puts into every
/// network namespace by itself.
std::map<std::string, api::NetworkStats> parse_interfaces(std::string_view text);

}  // namespace berth::stats
