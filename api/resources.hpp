// Limits and devices of a container: the part of HostConfig that can change while it runs.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct ThrottleDevice {
  std::string path;
  std::uint64_t rate = 0;

  static constexpr auto fields() {
    return std::tuple{field("Path", &ThrottleDevice::path), field("Rate", &ThrottleDevice::rate)};
  }
  bool operator==(const ThrottleDevice&) const = default;
};

struct WeightDevice {
  std::string path;
  std::uint16_t weight = 0;

  static constexpr auto fields() {
    return std::tuple{field("Path", &WeightDevice::path), field("Weight", &WeightDevice::weight)};
  }
  bool operator==(const WeightDevice&) const = default;
};

struct DeviceMapping {
  std::string path_on_host;
  std::string path_in_container;
  std::string cgroup_permissions;

  static constexpr auto fields() {
    using D = DeviceMapping;
    return std::tuple{field("PathOnHost", &D::path_on_host),
                      field("PathInContainer", &D::path_in_container),
                      field("CgroupPermissions", &D::cgroup_permissions)};
  }
  bool operator==(const DeviceMapping&) const = default;
};

struct DeviceRequest {
  std::string driver;
  std::int64_t count = 0;
  StringList device_ids;
  std::vector<StringList> capabilities;
  StringMap options;

  static constexpr auto fields() {
    using D = DeviceRequest;
    return std::tuple{field("Driver", &D::driver), field("Count", &D::count),
                      field("DeviceIDs", &D::device_ids), field("Capabilities", &D::capabilities),
                      field("Options", &D::options)};
  }
  bool operator==(const DeviceRequest&) const = default;
};

/// Soft and hard are -1 for "unlimited".
struct Ulimit {
  std::string name;
  std::int64_t hard = 0;
  std::int64_t soft = 0;

  static constexpr auto fields() {
    return std::tuple{field("Name", &Ulimit::name), field("Hard", &Ulimit::hard),
                      field("Soft", &Ulimit::soft)};
  }
  bool operator==(const Ulimit&) const = default;
};

/// 0 (or absent) means no limit of its own.
struct Resources {
  std::int64_t cpu_shares = 0;
  std::int64_t memory = 0;
  std::int64_t nano_cpus = 0;
  std::string cgroup_parent;
  std::uint16_t blkio_weight = 0;
  std::vector<WeightDevice> blkio_weight_device;
  std::vector<ThrottleDevice> blkio_device_read_bps;
  std::vector<ThrottleDevice> blkio_device_write_bps;
  std::vector<ThrottleDevice> blkio_device_read_iops;
  std::vector<ThrottleDevice> blkio_device_write_iops;
  std::int64_t cpu_period = 0;
  std::int64_t cpu_quota = 0;
  std::int64_t cpu_realtime_period = 0;
  std::int64_t cpu_realtime_runtime = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::vector<DeviceMapping> devices;
  StringList device_cgroup_rules;
  std::vector<DeviceRequest> device_requests;
  std::int64_t kernel_memory_tcp = 0;
  std::int64_t memory_reservation = 0;
  std::int64_t memory_swap = 0;  // -1: unlimited
  std::optional<std::int64_t> memory_swappiness;
  std::optional<bool> oom_kill_disable;
  std::optional<std::int64_t> pids_limit;  // -1: unlimited
  std::vector<Ulimit> ulimits;
  // Four limits of Windows: kept because every answer of the API shows them.
  std::int64_t cpu_count = 0;
  std::int64_t cpu_percent = 0;
  std::uint64_t io_maximum_iops = 0;
  std::uint64_t io_maximum_bandwidth = 0;

  static constexpr auto fields() {
    using enum Rule;
    using R = Resources;
    return std::tuple{field("CpuShares", &R::cpu_shares),
                      field("Memory", &R::memory),
                      field("NanoCpus", &R::nano_cpus),
                      field("CgroupParent", &R::cgroup_parent),
                      field("BlkioWeight", &R::blkio_weight),
                      field("BlkioWeightDevice", &R::blkio_weight_device, kEmptyCollection),
                      field("BlkioDeviceReadBps", &R::blkio_device_read_bps, kEmptyCollection),
                      field("BlkioDeviceWriteBps", &R::blkio_device_write_bps, kEmptyCollection),
                      field("BlkioDeviceReadIOps", &R::blkio_device_read_iops, kEmptyCollection),
                      field("BlkioDeviceWriteIOps", &R::blkio_device_write_iops, kEmptyCollection),
                      field("CpuPeriod", &R::cpu_period),
                      field("CpuQuota", &R::cpu_quota),
                      field("CpuRealtimePeriod", &R::cpu_realtime_period),
                      field("CpuRealtimeRuntime", &R::cpu_realtime_runtime),
                      field("CpusetCpus", &R::cpuset_cpus),
                      field("CpusetMems", &R::cpuset_mems),
                      field("Devices", &R::devices, kEmptyCollection),
                      field("DeviceCgroupRules", &R::device_cgroup_rules),
                      field("DeviceRequests", &R::device_requests),
                      field("KernelMemoryTCP", &R::kernel_memory_tcp, kOmitEmpty),
                      field("MemoryReservation", &R::memory_reservation),
                      field("MemorySwap", &R::memory_swap),
                      field("MemorySwappiness", &R::memory_swappiness),
                      field("OomKillDisable", &R::oom_kill_disable),
                      field("PidsLimit", &R::pids_limit),
                      field("Ulimits", &R::ulimits, kEmptyCollection),
                      field("CpuCount", &R::cpu_count),
                      field("CpuPercent", &R::cpu_percent),
                      field("IOMaximumIOps", &R::io_maximum_iops),
                      field("IOMaximumBandwidth", &R::io_maximum_bandwidth)};
  }
  bool operator==(const Resources&) const = default;
};

}  // namespace berth::api
