#include <catch2/catch.hpp>
#include <unistd.h>

#include "api/fields.hpp"
#include "daemon/stats/proc_files.hpp"
#include "daemon/stats/sample.hpp"

using namespace berth;
using namespace berth::stats;
using Catch::Matchers::Contains;

TEST_CASE("the machine's CPU time is what its own CPUs did, and idled", "[stats]") {
  const std::uint64_t tick = 1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const MachineCpu machine = parse_machine_cpu(
      "cpu  1 2 3 4 5 6 7 1000 2000 3000\n"
      "cpu0 1 2 3 4 5 6 7 8 9 10\n"
      "cpu3 1 2 3 4 5 6 7 8 9 10\n"
      "intr 5 6\ncpu9 never\n");
  CHECK(machine.usage == 28 * tick);
  CHECK(machine.online == 2);
  CHECK(parse_machine_cpu("").usage == 0);
}

TEST_CASE("interfaces are counted, but for the kernel's own", "[stats]") {
  const auto interfaces = parse_interfaces(
      "Inter-|   Receive                            |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs drop\n"
      "    lo:     1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
      " tunl0:     0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
      "  eth0:1000000 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
      " short: 1 2 3\n");
  REQUIRE(interfaces.size() == 1);
  CHECK(interfaces.at("eth0") == api::NetworkStats{1000000, 2, 3, 4, 9, 10, 11, 12});
  CHECK(parse_interfaces("").empty());
}

TEST_CASE("v1's numbers are shown as they are, a missing limit as the machine's", "[stats]") {
  runtime::CgroupStats counters;
  counters.cpu.total = 30;
  counters.cpu.per_cpu = {10, 20};
  counters.memory.usage = 7;
  counters.memory.limit = 9223372036854771712U;
  counters.block_io.bytes.emplace().push_back({8, 0, "read", 5});
  counters.block_io.operations.emplace();
  api::ContainerStats sample;
  fill_in(counters, 4096, sample);
  CHECK(sample.cpu.usage.per_cpu.size() == 2);
  CHECK(sample.memory.limit == 4096);
  const std::string text = api::to_text(sample);
  CHECK_THAT(
      text,
      Contains(R"("io_service_bytes_recursive":[{"major":8,"minor":0,"op":"read","value":5}])"));
  CHECK_THAT(text, Contains(R"("io_serviced_recursive":[])"));
  CHECK_THAT(text, Contains(R"("pids_stats":{})"));
}

TEST_CASE("v2 has but bytes", "[stats]") {
  runtime::CgroupStats counters;
  counters.memory.limit = 100;
  counters.block_io.bytes.emplace();
  api::ContainerStats sample;
  fill_in(counters, 4096, sample);
  CHECK(sample.memory.limit == 100);
  const std::string text = api::to_text(sample);
  CHECK_THAT(text, Contains(R"("io_service_bytes_recursive":null,"io_serviced_recursive":null)"));
  CHECK_THAT(text, !Contains("percpu_usage") && !Contains("max_usage"));
}

TEST_CASE("of a process that is gone there is nothing to read", "[stats]") {
  const auto layout = runtime::detect_cgroups_in("", "");
  const auto sample = take_sample(runtime::Cgroup(layout, "/berth/nosuch"), 0);
  CHECK(sample.networks.empty());
  CHECK(sample.cpu.system_usage > 0);
  CHECK(sample.cpu.online_cpus > 0);
}
