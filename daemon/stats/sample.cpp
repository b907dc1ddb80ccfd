#include "daemon/stats/sample.hpp"

#include <algorithm>

#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/time.hpp"
#include "daemon/stats/proc_files.hpp"

namespace berth::stats {

namespace {

api::BlkioStatList shown(const runtime::BlockIoCounters::List& list) {
  if (!list) return std::nullopt;
  std::vector<api::BlkioStatEntry> entries;
  entries.reserve(list->size());
  for (const runtime::BlockIo& each : *list)
    entries.push_back({each.major, each.minor, each.operation, each.value});
  return entries;
}

/// Absent rather than empty on v2, where it is the one list that there is.
api::BlkioStatList shown_bytes(const runtime::BlockIoCounters& counters) {
  const bool v2 = !counters.operations;
  return v2 && counters.bytes && counters.bytes->empty() ? std::nullopt : shown(counters.bytes);
}

std::uint64_t machine_memory() {
  struct sysinfo memory{};
  ::sysinfo(&memory);
  return std::uint64_t{memory.totalram} * memory.mem_unit;
}

std::string read_or_empty(const std::string& path) {
  try {
    return read_file(path);
  } catch (const Error&) {
    return {};
  }
}

/// A container that shares the daemon's own network has no interfaces of its own to count.
bool has_own_network(const std::string& process) {
  struct stat theirs{};
  struct stat ours{};
  return ::stat((process + "/ns/net").c_str(), &theirs) == 0 &&
         ::stat("/proc/self/ns/net", &ours) == 0 && theirs.st_ino != ours.st_ino;
}

}  // namespace

void fill_in(const runtime::CgroupStats& counters, std::uint64_t machine_memory,
             api::ContainerStats& sample) {
  sample.pids = {counters.pids, counters.pids_limit};
  sample.cpu.usage = {counters.cpu.total, counters.cpu.per_cpu, counters.cpu.kernel,
                      counters.cpu.user};
  sample.cpu.throttling = {counters.cpu.periods, counters.cpu.throttled_periods,
                           counters.cpu.throttled_time};
  sample.memory = {counters.memory.usage, counters.memory.max_usage, counters.memory.details,
                   counters.memory.failures, std::min(counters.memory.limit, machine_memory)};
  const runtime::BlockIoCounters& io = counters.block_io;
  sample.blkio = {shown_bytes(io),        shown(io.operations), shown(io.queued),
                  shown(io.service_time), shown(io.wait_time),  shown(io.merged),
                  shown(io.time),         shown(io.sectors)};
}

api::ContainerStats take_sample(const runtime::Cgroup& cgroup, int pid) {
  api::ContainerStats sample;
  sample.read = format_rfc3339(now());
  fill_in(cgroup.stats(), machine_memory(), sample);
  const MachineCpu machine = parse_machine_cpu(read_or_empty("/proc/stat"));
  sample.cpu.system_usage = machine.usage;
  sample.cpu.online_cpus = machine.online;
  const std::string process = "/proc/" + std::to_string(pid);
  if (has_own_network(process)) {
    sample.networks = parse_interfaces(read_or_empty(process + "/net/dev"));
  }
  return sample;
}

}  // namespace berth::stats
