#include "client/commands/usage.hpp"

#include <catch2/catch.hpp>

using namespace berth;
using namespace berth::client;

namespace {

api::ContainerStats sample(std::uint64_t used, std::uint64_t machine) {
  api::ContainerStats stats;
  stats.id = std::string(64, 'a');
  stats.name = "/web";
  stats.cpu.usage.total = used;
  stats.cpu.system_usage = machine;
  stats.cpu.online_cpus = 4;
  return stats;
}

}  // namespace

TEST_CASE("CPU time is counted between two samples", "[usage]") {
  CHECK(cpu_percent(sample(100, 1000), sample(200, 1400)) == Approx(100));
  CHECK(cpu_percent(sample(0, 0), sample(0, 100)) == 0);
  CHECK(cpu_percent(sample(500, 0), sample(10, 100)) == 0);
  CHECK(cpu_percent(sample(0, 100), sample(10, 100)) == 0);
  auto of_old = sample(50, 100);
  of_old.cpu.online_cpus = 0;
  of_old.cpu.usage.per_cpu = {25, 25};
  CHECK(cpu_percent(sample(0, 0), of_old) == Approx(100));
}

TEST_CASE("memory is without what can be dropped", "[usage]") {
  api::MemoryStats memory;
  memory.usage = 100;
  CHECK(used_memory(memory) == 100);
  memory.stats["inactive_file"] = 30;
  CHECK(used_memory(memory) == 70);
  memory.stats["total_inactive_file"] = 40;
  CHECK(used_memory(memory) == 60);
  memory.stats = {{"inactive_file", 200}};
  CHECK(used_memory(memory) == 100);
}

TEST_CASE("transfers are sums over interfaces and devices", "[usage]") {
  auto stats = sample(0, 0);
  CHECK(block_transfer(stats) == Transfer{});
  stats.networks["eth0"].rx_bytes = 1;
  stats.networks["eth1"].rx_bytes = 2;
  stats.networks["eth1"].tx_bytes = 5;
  CHECK(network_transfer(stats) == Transfer{3, 5});
  stats.blkio.io_service_bytes.emplace(
      {api::BlkioStatEntry{8, 0, "Read", 1}, api::BlkioStatEntry{8, 1, "read", 2},
       api::BlkioStatEntry{8, 0, "write", 4}, api::BlkioStatEntry{8, 0, "total", 7},
       api::BlkioStatEntry{8, 0, "", 9}});
  CHECK(block_transfer(stats) == Transfer{3, 4});
}

TEST_CASE("a row of the table", "[usage]") {
  const auto before = sample(0, 0);
  auto now = sample(10, 1000);
  now.memory.usage = 512 << 10U;
  now.memory.limit = 1 << 20U;
  now.networks["eth0"].rx_bytes = 1500;
  now.pids.current = 3;
  const auto text = [](const Row& row) { return format_rows(usage_format(""), {row}); };
  CHECK(text(usage_row("web", before, now, false)) ==
        "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O      BLOCK I/O   "
        "PIDS\n"
        "aaaaaaaaaaaa   web       4.00%     512KiB / 1MiB       50.00%    1.5kB / 0B   0B / 0B     "
        "3\n");
  CHECK(usage_row("web", {}, now, true).at(3) == std::string(64, 'a'));
  CHECK(usage_row("web", {}, now, false).at(1) == "0.00%");
  CHECK(format_rows(usage_format("{{.Container}} {{.Name}} {{.CPUPerc}} {{.NetIO}}"),
                    {usage_row("asked", before, {}, false)}) == "asked web -- --\n");
}
