// What a container uses: GET /containers/{id}/stats and /top.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct PidsStats {
  std::uint64_t current = 0;
  std::uint64_t limit = 0;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("current", &PidsStats::current, kOmitEmpty),
                      field("limit", &PidsStats::limit, kOmitEmpty)};
  }
  bool operator==(const PidsStats&) const = default;
};

struct BlkioStatEntry {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::string op;  // read, write, sync, async, discard, total
  std::uint64_t value = 0;

  static constexpr auto fields() {
    using B = BlkioStatEntry;
    return std::tuple{field("major", &B::major), field("minor", &B::minor), field("op", &B::op),
                      field("value", &B::value)};
  }
  bool operator==(const BlkioStatEntry&) const = default;
};

/// Null on v2, but for the first.
using BlkioStatList = std::optional<std::vector<BlkioStatEntry>>;

struct BlkioStats {
  BlkioStatList io_service_bytes;
  BlkioStatList io_serviced;
  BlkioStatList io_queued;
  BlkioStatList io_service_time;
  BlkioStatList io_wait_time;
  BlkioStatList io_merged;
  BlkioStatList io_time;
  BlkioStatList sectors;

  static constexpr auto fields() {
    using B = BlkioStats;
    return std::tuple{field("io_service_bytes_recursive", &B::io_service_bytes),
                      field("io_serviced_recursive", &B::io_serviced),
                      field("io_queue_recursive", &B::io_queued),
                      field("io_service_time_recursive", &B::io_service_time),
                      field("io_wait_time_recursive", &B::io_wait_time),
                      field("io_merged_recursive", &B::io_merged),
                      field("io_time_recursive", &B::io_time),
                      field("sectors_recursive", &B::sectors)};
  }
  bool operator==(const BlkioStats&) const = default;
};

/// Of Windows alone: always {}.
struct StorageStats {
  std::uint64_t read_count = 0;
  std::uint64_t read_size = 0;
  std::uint64_t write_count = 0;
  std::uint64_t write_size = 0;

  static constexpr auto fields() {
    using enum Rule;
    using S = StorageStats;
    return std::tuple{field("read_count_normalized", &S::read_count, kOmitEmpty),
                      field("read_size_bytes", &S::read_size, kOmitEmpty),
                      field("write_count_normalized", &S::write_count, kOmitEmpty),
                      field("write_size_bytes", &S::write_size, kOmitEmpty)};
  }
  bool operator==(const StorageStats&) const = default;
};

/// Nanoseconds since the container's start.
struct CpuUsage {
  std::uint64_t total = 0;
  std::vector<std::uint64_t> per_cpu;  // v1 only
  std::uint64_t kernel_mode = 0;
  std::uint64_t user_mode = 0;

  static constexpr auto fields() {
    using C = CpuUsage;
    return std::tuple{
        field("total_usage", &C::total), field("percpu_usage", &C::per_cpu, Rule::kOmitEmpty),
        field("usage_in_kernelmode", &C::kernel_mode), field("usage_in_usermode", &C::user_mode)};
  }
  bool operator==(const CpuUsage&) const = default;
};

struct ThrottlingData {
  std::uint64_t periods = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t throttled_time = 0;  // nanoseconds

  static constexpr auto fields() {
    using T = ThrottlingData;
    return std::tuple{field("periods", &T::periods),
                      field("throttled_periods", &T::throttled_periods),
                      field("throttled_time", &T::throttled_time)};
  }
  bool operator==(const ThrottlingData&) const = default;
};

struct CpuStats {
  CpuUsage usage;
  std::uint64_t system_usage = 0;  // of the whole machine, nanoseconds
  std::uint32_t online_cpus = 0;
  ThrottlingData throttling;

  static constexpr auto fields() {
    using enum Rule;
    using C = CpuStats;
    return std::tuple{field("cpu_usage", &C::usage),
                      field("system_cpu_usage", &C::system_usage, kOmitEmpty),
                      field("online_cpus", &C::online_cpus, kOmitEmpty),
                      field("throttling_data", &C::throttling)};
  }
  bool operator==(const CpuStats&) const = default;
};

struct MemoryStats {
  std::uint64_t usage = 0;
  std::uint64_t max_usage = 0;                 // v1 only
  std::map<std::string, std::uint64_t> stats;  // memory.stat
  std::uint64_t failcnt = 0;
  std::uint64_t limit = 0;

  static constexpr auto fields() {
    using enum Rule;
    using M = MemoryStats;
    return std::tuple{
        field("usage", &M::usage, kOmitEmpty), field("max_usage", &M::max_usage, kOmitEmpty),
        field("stats", &M::stats, kOmitEmpty), field("failcnt", &M::failcnt, kOmitEmpty),
        field("limit", &M::limit, kOmitEmpty)};
  }
  bool operator==(const MemoryStats&) const = default;
};

struct NetworkStats {
  std::uint64_t rx_bytes = 0;
  std::uint64_t rx_packets = 0;
  std::uint64_t rx_errors = 0;
  std::uint64_t rx_dropped = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t tx_packets = 0;
  std::uint64_t tx_errors = 0;
  std::uint64_t tx_dropped = 0;

  static constexpr auto fields() {
    using N = NetworkStats;
    return std::tuple{field("rx_bytes", &N::rx_bytes),   field("rx_packets", &N::rx_packets),
                      field("rx_errors", &N::rx_errors), field("rx_dropped", &N::rx_dropped),
                      field("tx_bytes", &N::tx_bytes),   field("tx_packets", &N::tx_packets),
                      field("tx_errors", &N::tx_errors), field("tx_dropped", &N::tx_dropped)};
  }
  bool operator==(const NetworkStats&) const = default;
};

/// One sample. Of a container that does not run all but name and id is zero.
struct ContainerStats {
  std::string name;  // with a leading slash
  std::string id;
  std::string read = "0001-01-01T00:00:00Z";     // RFC 3339
  std::string preread = "0001-01-01T00:00:00Z";  // when precpu_stats was read
  PidsStats pids;
  BlkioStats blkio;
  std::uint32_t num_procs = 0;  // of Windows
  StorageStats storage;
  CpuStats cpu;
  CpuStats precpu;  // of the sample before
  MemoryStats memory;
  std::map<std::string, NetworkStats> networks;  // by interface

  static constexpr auto fields() {
    using enum Rule;
    using C = ContainerStats;
    return std::tuple{field("name", &C::name, kOmitEmpty),
                      field("id", &C::id, kOmitEmpty),
                      field("read", &C::read),
                      field("preread", &C::preread),
                      field("pids_stats", &C::pids),
                      field("blkio_stats", &C::blkio),
                      field("num_procs", &C::num_procs),
                      field("storage_stats", &C::storage),
                      field("cpu_stats", &C::cpu),
                      field("precpu_stats", &C::precpu),
                      field("memory_stats", &C::memory),
                      field("networks", &C::networks, kOmitEmpty)};
  }
  bool operator==(const ContainerStats&) const = default;
};

/// Answer of GET /containers/{id}/top.
struct TopResponse {
  StringList titles;
  std::vector<StringList> processes;

  static constexpr auto fields() {
    return std::tuple{field("Titles", &TopResponse::titles, Rule::kEmptyCollection),
                      field("Processes", &TopResponse::processes, Rule::kEmptyCollection)};
  }
  bool operator==(const TopResponse&) const = default;
};

}  // namespace berth::api
