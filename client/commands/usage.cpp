#include "client/commands/usage.hpp"

#include <fmt/format.h>

#include "client/format/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

std::string pair_text(const std::string& left, const std::string& right) {
  return left + " / " + right;
}

std::string transfer_text(const Transfer& transfer) {
  return pair_text(format_decimal_size(transfer.in), format_decimal_size(transfer.out));
}

}  // namespace

double cpu_percent(const api::ContainerStats& before, const api::ContainerStats& now) {
  // A container that was started anew in between counts from 0 again.
  if (now.cpu.usage.total <= before.cpu.usage.total ||
      now.cpu.system_usage <= before.cpu.system_usage) {
    return 0;
  }
  const auto used = static_cast<double>(now.cpu.usage.total - before.cpu.usage.total);
  const auto machine = static_cast<double>(now.cpu.system_usage - before.cpu.system_usage);
  const double cpus = now.cpu.online_cpus != 0 ? now.cpu.online_cpus
                                               : static_cast<double>(now.cpu.usage.per_cpu.size());
  return used / machine * cpus * 100;
}

std::uint64_t used_memory(const api::MemoryStats& memory) {
  for (const char* name : {"total_inactive_file", "inactive_file"}) {  // v1, v2
    const auto found = memory.stats.find(name);
    if (found != memory.stats.end() && found->second < memory.usage) {
      return memory.usage - found->second;
    }
  }
  return memory.usage;
}

Transfer network_transfer(const api::ContainerStats& sample) {
  Transfer transfer;
  for (const auto& [name, counters] : sample.networks) {
    transfer.in += counters.rx_bytes;
    transfer.out += counters.tx_bytes;
  }
  return transfer;
}

Transfer block_transfer(const api::ContainerStats& sample) {
  Transfer transfer;
  if (!sample.blkio.io_service_bytes) return transfer;
  for (const api::BlkioStatEntry& entry : *sample.blkio.io_service_bytes) {
    // dockerd writes "Read" on some machines.
    const char first = entry.op.empty() ? '\0' : entry.op.front();
    if (first == 'r' || first == 'R') transfer.in += entry.value;
    if (first == 'w' || first == 'W') transfer.out += entry.value;
  }
  return transfer;
}

TableFormat usage_format(std::string format) {
  return {{{"BlockIO", "BLOCK I/O"},
           {"CPUPerc", "CPU %"},
           {"Container", "CONTAINER"},
           {"ID", "CONTAINER ID"},
           {"MemPerc", "MEM %"},
           {"MemUsage", "MEM USAGE / LIMIT"},
           {"Name", "NAME"},
           {"NetIO", "NET I/O"},
           {"PIDs", "PIDS"}},
          {"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"},
          std::move(format)};
}

Row usage_row(const std::string& asked, const std::optional<api::ContainerStats>& before,
              const std::optional<api::ContainerStats>& now, bool full) {
  const std::string none = "--";
  if (!now) {
    const std::string name = before ? before->name.substr(before->name.starts_with('/')) : none;
    return {none, none, asked, none, none, pair_text(none, none), name, none, none};
  }
  const std::uint64_t memory = used_memory(now->memory);
  const double memory_percent =
      now->memory.limit == 0
          ? 0
          : static_cast<double>(memory) / static_cast<double>(now->memory.limit) * 100;
  return {transfer_text(block_transfer(*now)),
          fmt::format("{:.2f}%", before ? cpu_percent(*before, *now) : 0.0),
          asked,
          full ? now->id : short_id(now->id),
          fmt::format("{:.2f}%", memory_percent),
          pair_text(format_binary_size(memory), format_binary_size(now->memory.limit)),
          now->name.substr(now->name.starts_with('/')),
          transfer_text(network_transfer(*now)),
          std::to_string(now->pids.current)};
}

}  // namespace berth::client
