#include "daemon/runtime/cgroup_stats.hpp"

#include <unistd.h>

#include "common/text.hpp"
#include "daemon/runtime/cgroup.hpp"
#include "daemon/runtime/cgroup_files.hpp"

namespace berth::runtime {

namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;

std::uint64_t number_or_zero(std::string_view text) {
  return parse_number<std::uint64_t>(text).value_or(0);
}

std::uint64_t value_of(const std::map<std::string, std::uint64_t>& counters, const char* name) {
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

/// "254:0" of a block device; false for anything else, such as a sum's "Total".
bool parse_device(std::string_view text, BlockIo& entry) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto major = parse_number<std::uint64_t>(text.substr(0, colon));
  const auto minor = parse_number<std::uint64_t>(text.substr(colon + 1));
  if (!major || !minor) return false;
  entry.major = *major;
  entry.minor = *minor;
  return true;
}

/// Reads files of one group in one hierarchy.
class GroupFiles {
 public:
  GroupFiles(const CgroupHierarchy* hierarchy, const std::string& relative)
      : directory_(hierarchy == nullptr ? -1 : hierarchy->directory.get()),
        prefix_(relative + "/") {}

  std::string read(std::string_view file) const {
    if (directory_ < 0) return {};
    std::string path = prefix_;
    return read_control(directory_, path.append(file));
  }
  std::uint64_t limit(std::string_view file) const { return parse_limit(read(file)); }

 private:
  int directory_;
  std::string prefix_;
};

MemoryCounters read_memory_v1(const GroupFiles& files) {
  MemoryCounters memory;
  memory.details = parse_counters(files.read("memory.stat"));
  memory.usage = files.limit("memory.usage_in_bytes");
  memory.max_usage = files.limit("memory.max_usage_in_bytes");
  memory.limit = files.limit("memory.limit_in_bytes");
  memory.failures = files.limit("memory.failcnt");
  return memory;
}

MemoryCounters read_memory_v2(const GroupFiles& files) {
  MemoryCounters memory;
  memory.details = parse_counters(files.read("memory.stat"));
  memory.usage = files.limit("memory.current");
  memory.limit = files.limit("memory.max");
  memory.failures = value_of(parse_counters(files.read("memory.events")), "oom");
  return memory;
}

BlockIoCounters read_block_io_v1(const GroupFiles& files) {
  const auto read = [&](const char* file) { return parse_block_io_v1(files.read(file)); };
  BlockIoCounters counters;
  // Kernels with the CFQ scheduler count here; what every scheduler's throttling layer counts is
  // the same sum.
  counters.bytes = read("blkio.io_service_bytes_recursive");
  counters.operations = read("blkio.io_serviced_recursive");
  if (counters.bytes->empty()) counters.bytes = read("blkio.throttle.io_service_bytes_recursive");
  if (counters.operations->empty()) {
    counters.operations = read("blkio.throttle.io_serviced_recursive");
  }
  counters.queued = read("blkio.io_queued_recursive");
  counters.service_time = read("blkio.io_service_time_recursive");
  counters.wait_time = read("blkio.io_wait_time_recursive");
  counters.merged = read("blkio.io_merged_recursive");
  counters.time = read("blkio.time_recursive");
  counters.sectors = read("blkio.sectors_recursive");
  return counters;
}

}  // namespace

std::map<std::string, std::uint64_t> parse_counters(std::string_view text) {
  std::map<std::string, std::uint64_t> counters;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || blank == 0) continue;
    if (const auto value = parse_number<std::uint64_t>(trim(line.substr(blank + 1)))) {
      counters.emplace(line.substr(0, blank), *value);
    }
  }
  return counters;
}

std::uint64_t parse_limit(std::string_view text) {
  const std::string_view value = trim(text);
  return value == "max" ? kNoLimit : number_or_zero(value);
}

CpuCounters parse_cpu_v1(std::string_view usage, std::string_view per_cpu,
                         std::string_view accounting, std::string_view bandwidth) {
  CpuCounters cpu;
  cpu.total = number_or_zero(trim(usage));
  for (const std::string_view each : split(trim(per_cpu), ' ')) {
    if (!each.empty()) cpu.per_cpu.push_back(number_or_zero(each));
  }
  // cpuacct.stat counts in the clock ticks of times(2).
  static const std::uint64_t kTick =
      kNanosecondsPerSecond / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto ticks = parse_counters(accounting);
  cpu.user = value_of(ticks, "user") * kTick;
  cpu.kernel = value_of(ticks, "system") * kTick;
  const auto throttling = parse_counters(bandwidth);
  cpu.periods = value_of(throttling, "nr_periods");
  cpu.throttled_periods = value_of(throttling, "nr_throttled");
  cpu.throttled_time = value_of(throttling, "throttled_time");
  return cpu;
}

CpuCounters parse_cpu_v2(std::string_view text) {
  const auto counters = parse_counters(text);
  CpuCounters cpu;
  cpu.total = value_of(counters, "usage_usec") * kNanosecondsPerMicrosecond;
  cpu.user = value_of(counters, "user_usec") * kNanosecondsPerMicrosecond;
  cpu.kernel = value_of(counters, "system_usec") * kNanosecondsPerMicrosecond;
  cpu.periods = value_of(counters, "nr_periods");
  cpu.throttled_periods = value_of(counters, "nr_throttled");
  cpu.throttled_time = value_of(counters, "throttled_usec") * kNanosecondsPerMicrosecond;
  return cpu;
}

std::vector<BlockIo> parse_block_io_v1(std::string_view text) {
  std::vector<BlockIo> list;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    BlockIo entry;
    if (fields.size() < 2 || fields.size() > 3 || !parse_device(fields[0], entry)) continue;
    if (fields.size() == 3) entry.operation = to_lower(fields[1]);
    const auto value = parse_number<std::uint64_t>(fields.back());
    if (!value) continue;
    entry.value = *value;
    list.push_back(std::move(entry));
  }
  return list;
}

std::vector<BlockIo> parse_block_io_v2(std::string_view text) {
  std::vector<BlockIo> list;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    BlockIo read;
    if (!parse_device(fields.front(), read)) continue;
    BlockIo write = read;
    read.operation = "read";
    write.operation = "write";
    bool counted = false;
    for (const std::string_view field : fields) {
      const bool reads = field.starts_with("rbytes=");
      if (!reads && !field.starts_with("wbytes=")) continue;
      (reads ? read : write).value = number_or_zero(field.substr(field.find('=') + 1));
      counted = true;
    }
    if (!counted) continue;  // a device that was never used is its number alone
    list.push_back(std::move(read));
    list.push_back(std::move(write));
  }
  return list;
}

CgroupStats Cgroup::stats() const {
  CgroupStats stats;
  const auto files = [&](std::string_view controller) {
    return GroupFiles(layout_->find(controller), relative_);
  };
  const GroupFiles pids = files("pids");
  stats.pids = pids.limit("pids.current");
  stats.pids_limit = pids.limit("pids.max");
  if (layout_->mode == CgroupLayout::Mode::kV1) {
    const GroupFiles accounting = files("cpuacct");
    stats.cpu =
        parse_cpu_v1(accounting.read("cpuacct.usage"), accounting.read("cpuacct.usage_percpu"),
                     accounting.read("cpuacct.stat"), files("cpu").read("cpu.stat"));
    stats.memory = read_memory_v1(files("memory"));
    stats.block_io = read_block_io_v1(files("blkio"));
    if (stats.pids_limit == kNoLimit) stats.pids_limit = 0;
  } else if (layout_->mode == CgroupLayout::Mode::kV2) {
    // The kernel counts CPU time in every group, whether the controller is on or off.
    stats.cpu = parse_cpu_v2(GroupFiles(main_hierarchy(), relative_).read("cpu.stat"));
    stats.memory = read_memory_v2(files("memory"));
    stats.block_io.bytes = parse_block_io_v2(files("io").read("io.stat"));
  }
  return stats;
}

}  // namespace berth::runtime
