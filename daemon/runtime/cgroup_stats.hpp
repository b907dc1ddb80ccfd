// What the processes of a control group use, as the kernel's files tell it. Numbers only: what the
// API makes of them is the stats room's business.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::runtime {

/// What stands in the kernel's files for "no limit".
inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

/// Nanoseconds since the group was made.
struct CpuCounters {
  std::uint64_t total = 0;
  std::uint64_t user = 0;
  std::uint64_t kernel = 0;
  std::vector<std::uint64_t> per_cpu;  // v1 only
  std::uint64_t periods = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t throttled_time = 0;
};

struct MemoryCounters {
  std::uint64_t usage = 0;
  std::uint64_t max_usage = 0;  // v1 only
  std::uint64_t limit = kNoLimit;
  std::uint64_t failures = 0;  // v1: how often the limit was hit; v2: how often memory ran out
  std::map<std::string, std::uint64_t> details;  // memory.stat
};

/// One line of a block I/O file: what was done to which device.
struct BlockIo {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::string operation;  // in lower case: read, write, sync, async, discard, total
  std::uint64_t value = 0;

  bool operator==(const BlockIo&) const = default;
};

/// Absent: the hierarchy's version has no such numbers. v2 knows the bytes alone.
struct BlockIoCounters {
  using List = std::optional<std::vector<BlockIo>>;
  List bytes;
  List operations;
  List queued;
  List service_time;
  List wait_time;
  List merged;
  List time;
  List sectors;
};

struct CgroupStats {
  CpuCounters cpu;
  MemoryCounters memory;
  std::uint64_t pids = 0;
  std::uint64_t pids_limit = 0;  // v1 without a limit: 0; v2: kNoLimit
  BlockIoCounters block_io;
};

// The parsers; what they do not understand they leave out, since files grow with the kernel.

/// Lines of a name and a number: memory.stat, cpu.stat, memory.events.
std::map<std::string, std::uint64_t> parse_counters(std::string_view text);
/// A file of one number; "max" is kNoLimit, anything else 0.
std::uint64_t parse_limit(std::string_view text);
/// v1: cpuacct.usage, cpuacct.usage_percpu, cpuacct.stat and cpu.stat.
CpuCounters parse_cpu_v1(std::string_view usage, std::string_view per_cpu,
                         std::string_view accounting, std::string_view bandwidth);
/// v2: cpu.stat.
CpuCounters parse_cpu_v2(std::string_view text);
/// v1: "254:0 Read 4096", and "254:0 4096" in the files that do not tell operations apart.
std::vector<BlockIo> parse_block_io_v1(std::string_view text);
/// v2: io.stat, the bytes of it.
std::vector<BlockIo> parse_block_io_v2(std::string_view text);

}  // namespace berth::runtime
