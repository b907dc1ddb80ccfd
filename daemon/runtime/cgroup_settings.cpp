#include "daemon/runtime/cgroup_settings.hpp"

#include <algorithm>
#include <cmath>

namespace berth::runtime {

namespace {

std::string device(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + ":" + std::to_string(minor);
}

std::string or_max(std::int64_t value) {
  return value < 0 ? "max" : std::to_string(value);
}

void add_v1_memory(const MemoryResources& memory, std::vector<CgroupSetting>& list) {
  if (memory.limit) {
    list.push_back(
        {"memory", "memory.limit_in_bytes", std::to_string(*memory.limit), "memory limit"});
  }
  if (memory.swap) {
    list.push_back({"memory", "memory.memsw.limit_in_bytes", std::to_string(*memory.swap),
                    "swap limit", false});
  }
  if (memory.reservation) {
    list.push_back({"memory", "memory.soft_limit_in_bytes", std::to_string(*memory.reservation),
                    "memory reservation"});
  }
  if (memory.swappiness) {
    list.push_back({"memory", "memory.swappiness", std::to_string(*memory.swappiness),
                    "memory swappiness", false});
  }
  if (memory.kernel_tcp) {
    list.push_back({"memory", "memory.kmem.tcp.limit_in_bytes", std::to_string(*memory.kernel_tcp),
                    "TCP buffer limit"});
  }
  if (memory.disable_oom_killer) {
    list.push_back({"memory", "memory.oom_control", "1", "OOM killer's disabling", false});
  }
}

void add_v1_cpu(const CpuResources& cpu, std::vector<CgroupSetting>& list) {
  if (cpu.shares) {
    list.push_back({"cpu", "cpu.shares", std::to_string(*cpu.shares), "CPU shares"});
  }
  // The period first: the kernel holds each new quota against it.
  if (cpu.period) {
    list.push_back({"cpu", "cpu.cfs_period_us", std::to_string(*cpu.period), "CPU period"});
  }
  if (cpu.quota) {
    list.push_back({"cpu", "cpu.cfs_quota_us", std::to_string(*cpu.quota), "CPU quota"});
  }
  if (cpu.realtime_period) {
    list.push_back(
        {"cpu", "cpu.rt_period_us", std::to_string(*cpu.realtime_period), "CPU real-time period"});
  }
  if (cpu.realtime_runtime) {
    list.push_back({"cpu", "cpu.rt_runtime_us", std::to_string(*cpu.realtime_runtime),
                    "CPU real-time runtime"});
  }
}

void add_cpuset(const CpuResources& cpu, std::vector<CgroupSetting>& list) {
  if (!cpu.cpus.empty()) list.push_back({"cpuset", "cpuset.cpus", cpu.cpus, "CPU set"});
  if (!cpu.mems.empty()) list.push_back({"cpuset", "cpuset.mems", cpu.mems, "memory node set"});
}

void add_v1_block_io(const BlockIoResources& io, std::vector<CgroupSetting>& list) {
  if (io.weight) {
    const std::string value = std::to_string(*io.weight);
    list.push_back(
        {"blkio", "blkio.weight", value, "block I/O weight", false, "blkio.bfq.weight", value});
  }
  for (const auto& entry : io.weight_device) {
    const std::string value = device(entry.major, entry.minor) + " " + std::to_string(entry.weight);
    list.push_back({"blkio", "blkio.weight_device", value, "block I/O device weight", false,
                    "blkio.bfq.weight_device", value});
  }
  const auto add = [&](const char* file, const std::vector<BlockIoResources::Throttle>& throttles,
                       std::string_view wish) {
    for (const auto& entry : throttles) {
      list.push_back({"blkio", file,
                      device(entry.major, entry.minor) + " " + std::to_string(entry.rate), wish});
    }
  };
  add("blkio.throttle.read_bps_device", io.read_bps, "block read rate");
  add("blkio.throttle.write_bps_device", io.write_bps, "block write rate");
  add("blkio.throttle.read_iops_device", io.read_iops, "block read operations' rate");
  add("blkio.throttle.write_iops_device", io.write_iops, "block write operations' rate");
}

void add_pids(const Resources& resources, std::vector<CgroupSetting>& list) {
  if (!resources.pids_limit) return;
  const std::int64_t limit = *resources.pids_limit;
  list.push_back({"pids", "pids.max", limit <= 0 ? "max" : std::to_string(limit), "process limit"});
}

/// A rule in the form of devices.allow: "c 1:3 rwm".
std::string rule_text(const DeviceRule& rule) {
  if (rule.type == 'a') return "a";
  const auto number = [](const std::optional<std::uint32_t>& part) {
    return part ? std::to_string(*part) : std::string("*");
  };
  std::string text =
      std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " ";
  if ((rule.access & DeviceRule::kRead) != 0) text += 'r';
  if ((rule.access & DeviceRule::kWrite) != 0) text += 'w';
  if ((rule.access & DeviceRule::kMknod) != 0) text += 'm';
  return text;
}

bool covers_everything(const DeviceRule& rule) {
  return rule.type == 'a' && !rule.major && !rule.minor &&
         rule.access == (DeviceRule::kRead | DeviceRule::kWrite | DeviceRule::kMknod);
}

void add_v1_devices(const std::vector<DeviceRule>& rules, std::vector<CgroupSetting>& list) {
  if (allows_every_device(rules)) return;
  for (const DeviceRule& rule : rules) {
    const char* file = rule.allow ? "devices.allow" : "devices.deny";
    if (rule.type != 'a' || covers_everything(rule)) {
      list.push_back({"devices", file, rule_text(rule), "device rules"});
      continue;
    }
    // The kernel takes a lone "a" for all devices; a narrower one is one for each type.
    for (const char type : {'c', 'b'}) {
      DeviceRule narrowed = rule;
      narrowed.type = type;
      list.push_back({"devices", file, rule_text(narrowed), "device rules"});
    }
  }
}

void add_v2_memory(const MemoryResources& memory, std::vector<CgroupSetting>& list,
                   std::vector<std::string>& warnings) {
  if (memory.limit) {
    list.push_back({"memory", "memory.max", or_max(*memory.limit), "memory limit"});
  }
  if (memory.swap) {
    // v1 counts memory and swap together, v2 swap alone.
    const std::int64_t limit = memory.limit.value_or(0);
    const std::int64_t swap =
        *memory.swap < 0 || limit < 0 ? -1 : std::max<std::int64_t>(0, *memory.swap - limit);
    list.push_back({"memory", "memory.swap.max", or_max(swap), "swap limit", false});
  }
  if (memory.reservation) {
    list.push_back({"memory", "memory.low", or_max(*memory.reservation), "memory reservation"});
  }
  if (memory.swappiness) {
    warnings.emplace_back("memory swappiness is not applied: cgroup v2 has no such setting");
  }
  if (memory.kernel_tcp) {
    warnings.emplace_back("the TCP buffer limit is not applied: cgroup v2 has no such setting");
  }
  if (memory.disable_oom_killer) {
    warnings.emplace_back("the OOM killer stays on: cgroup v2 cannot disable it");
  }
}

void add_v2_cpu(const CpuResources& cpu, std::vector<CgroupSetting>& list,
                std::vector<std::string>& warnings) {
  if (cpu.shares) {
    const std::uint64_t weight = cpu_weight_of_shares(*cpu.shares);
    list.push_back({"cpu", "cpu.weight", std::to_string(weight), "CPU shares"});
  }
  if (cpu.quota || cpu.period) {
    const std::int64_t quota = cpu.quota.value_or(-1);
    std::string value = quota <= 0 ? "max" : std::to_string(quota);
    if (cpu.period) value += " " + std::to_string(*cpu.period);
    list.push_back({"cpu", "cpu.max", std::move(value), "CPU quota"});
  }
  if (cpu.realtime_period || cpu.realtime_runtime) {
    warnings.emplace_back("CPU real-time limits are not applied: cgroup v2 has no such setting");
  }
}

void add_v2_io(const BlockIoResources& io, std::vector<CgroupSetting>& list) {
  if (io.weight) {
    list.push_back({"io", "io.bfq.weight", std::to_string(*io.weight), "block I/O weight", false,
                    "io.weight", "default " + std::to_string(io_weight_of_blkio(*io.weight))});
  }
  for (const auto& entry : io.weight_device) {
    const std::string number = device(entry.major, entry.minor) + " ";
    list.push_back({"io", "io.bfq.weight", number + std::to_string(entry.weight),
                    "block I/O device weight", false, "io.weight",
                    number + std::to_string(io_weight_of_blkio(entry.weight))});
  }
  const auto add = [&](const char* key, const std::vector<BlockIoResources::Throttle>& throttles,
                       std::string_view wish) {
    for (const auto& entry : throttles) {
      const std::string rate = entry.rate == 0 ? "max" : std::to_string(entry.rate);
      list.push_back(
          {"io", "io.max", device(entry.major, entry.minor) + " " + key + "=" + rate, wish});
    }
  };
  add("rbps", io.read_bps, "block read rate");
  add("wbps", io.write_bps, "block write rate");
  add("riops", io.read_iops, "block read operations' rate");
  add("wiops", io.write_iops, "block write operations' rate");
}

}  // namespace

bool allows_every_device(const std::vector<DeviceRule>& rules) {
  // The last rule that covers everything decides for all before it; later denials take away again.
  bool all = true;
  for (const DeviceRule& rule : rules) {
    if (covers_everything(rule)) {
      all = rule.allow;
    } else if (!rule.allow) {
      all = false;
    }
  }
  return all;
}

std::uint64_t cpu_weight_of_shares(std::uint64_t shares) {
  if (shares == 0) return 100;  // v1's "unset"
  static constexpr std::uint64_t kLeast = 2;
  static constexpr std::uint64_t kMost = 262144;
  if (shares <= kLeast) return 1;
  if (shares >= kMost) return 10000;
  // The parabola in log space through (2, 1), (1024, 100) and (262144, 10000): a straight line
  // would give a default container 39 beside the 100 of everything else on the host.
  const double l = std::log2(static_cast<double>(shares));
  const double exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<std::uint64_t>(std::ceil(std::pow(10.0, exponent) - 1e-9));
}

std::uint64_t io_weight_of_blkio(std::uint64_t weight) {
  if (weight <= 10) return 1;
  return 1 + (std::min<std::uint64_t>(weight, 1000) - 10) * 9999 / 990;
}

std::vector<CgroupSetting> v1_settings(const Resources& resources) {
  std::vector<CgroupSetting> list;
  add_v1_memory(resources.memory, list);
  add_v1_cpu(resources.cpu, list);
  add_cpuset(resources.cpu, list);
  add_pids(resources, list);
  add_v1_block_io(resources.block_io, list);
  for (const HugepageLimit& limit : resources.hugepage_limits) {
    list.push_back({"hugetlb", "hugetlb." + limit.page_size + ".limit_in_bytes",
                    std::to_string(limit.limit), "huge page limit"});
  }
  add_v1_devices(resources.devices, list);
  return list;
}

std::vector<CgroupSetting> v2_settings(const Resources& resources,
                                       std::vector<std::string>& warnings) {
  std::vector<CgroupSetting> list;
  add_v2_memory(resources.memory, list, warnings);
  add_v2_cpu(resources.cpu, list, warnings);
  add_cpuset(resources.cpu, list);
  add_pids(resources, list);
  add_v2_io(resources.block_io, list);
  for (const HugepageLimit& limit : resources.hugepage_limits) {
    list.push_back({"hugetlb", "hugetlb." + limit.page_size + ".max", std::to_string(limit.limit),
                    "huge page limit"});
  }
  return list;
}

}  // namespace berth::runtime
