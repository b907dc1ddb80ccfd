// The kernel's files on what a control group uses, v1 and v2.
#include "daemon/runtime/cgroup_stats.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "common/ids.hpp"
#include "daemon/runtime/cgroup.hpp"

using namespace berth::runtime;
using Counters = std::map<std::string, std::uint64_t>;

TEST_CASE("counters are lines of a name and a number") {
  CHECK(parse_counters("cache 4096\nrss 0\n") == Counters{{"cache", 4096}, {"rss", 0}});
  CHECK(parse_counters("").empty());
  CHECK(parse_counters("\n only\nname\nname x\nN0=5 N1=6\nwrong -1\n").empty());
  CHECK(parse_counters("most 18446744073709551615") == Counters{{"most", kNoLimit}});
}

TEST_CASE("a limit may be max") {
  CHECK(parse_limit("4096\n") == 4096);
  CHECK(parse_limit("max\n") == kNoLimit);
  CHECK(parse_limit("") == 0);
  CHECK(parse_limit("garbage") == 0);
}

TEST_CASE("CPU time of v1 is in four files") {
  const std::uint64_t tick = 1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const CpuCounters cpu = parse_cpu_v1("12345\n", "12000 345 \n", "user 3\nsystem 4\n",
                                       "nr_periods 7\nnr_throttled 2\nthrottled_time 99\n");
  CHECK(cpu.total == 12345);
  CHECK(cpu.per_cpu == std::vector<std::uint64_t>{12000, 345});
  CHECK(cpu.user == 3 * tick);
  CHECK(cpu.kernel == 4 * tick);
  CHECK(cpu.periods == 7);
  CHECK(cpu.throttled_periods == 2);
  CHECK(cpu.throttled_time == 99);
  CHECK(parse_cpu_v1("", "", "", "").per_cpu.empty());
}

TEST_CASE("CPU time of v2 is in one, in microseconds") {
  const CpuCounters cpu = parse_cpu_v2(
      "usage_usec 12\nuser_usec 5\nsystem_usec 7\nnr_periods 3\nnr_throttled 1\n"
      "throttled_usec 8\nnr_bursts 0\nburst_usec 0\n");
  CHECK(cpu.total == 12000);
  CHECK(cpu.user == 5000);
  CHECK(cpu.kernel == 7000);
  CHECK(cpu.per_cpu.empty());
  CHECK(cpu.periods == 3);
  CHECK(cpu.throttled_periods == 1);
  CHECK(cpu.throttled_time == 8000);
}

TEST_CASE("block I/O of v1 is a line an operation, with sums to be left out") {
  CHECK(parse_block_io_v1("254:0 Read 4096\n254:0 Write 8192\n254:0 Total 12288\nTotal 12288\n") ==
        std::vector<BlockIo>{
            {254, 0, "read", 4096}, {254, 0, "write", 8192}, {254, 0, "total", 12288}});
  CHECK(parse_block_io_v1("8:16 77\n") == std::vector<BlockIo>{{8, 16, "", 77}});
  CHECK(parse_block_io_v1("").empty());
  CHECK(parse_block_io_v1("Total 0\n8:x Read 1\n8:0 Read much\n8:0 a b 1\n8:0\n").empty());
}

TEST_CASE("block I/O of v2 is a line a device") {
  CHECK(parse_block_io_v2("254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:0\n\n") ==
        std::vector<BlockIo>{{254, 0, "read", 4096}, {254, 0, "write", 8192}});
  CHECK(parse_block_io_v2("garbage\n8:0 rbytes=\n") ==
        std::vector<BlockIo>{{8, 0, "read", 0}, {8, 0, "write", 0}});
}

TEST_CASE("a group is read from the hierarchies that there are") {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("berth-stats-" + berth::random_hex(6));
  const auto put = [&](const std::string& path, const char* content) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << content;
  };
  SECTION("v1") {
    put("memory/berth/x/memory.stat", "cache 5\n");
    put("memory/berth/x/memory.usage_in_bytes", "100\n");
    put("memory/berth/x/memory.max_usage_in_bytes", "200\n");
    put("memory/berth/x/memory.limit_in_bytes", "9223372036854771712\n");
    put("memory/berth/x/memory.failcnt", "3\n");
    put("pids/berth/x/pids.current", "2\n");
    put("pids/berth/x/pids.max", "max\n");
    const auto layout = detect_cgroups_in(
        "33 31 0:30 / /memory rw - cgroup cgroup rw,memory\n"
        "35 31 0:31 / /pids rw - cgroup cgroup rw,pids\n",
        root.native());
    const CgroupStats stats = Cgroup(layout, "/berth/x").stats();
    CHECK(stats.memory.details == Counters{{"cache", 5}});
    CHECK(stats.memory.usage == 100);
    CHECK(stats.memory.max_usage == 200);
    CHECK(stats.memory.limit == 9223372036854771712U);
    CHECK(stats.memory.failures == 3);
    CHECK(stats.pids == 2);
    CHECK(stats.pids_limit == 0);
    CHECK(stats.cpu.total == 0);
    REQUIRE(stats.block_io.operations);
    CHECK(stats.block_io.operations->empty());
  }
  SECTION("v2") {
    put("cgroup.controllers", "cpu memory pids io\n");
    put("berth/x/memory.stat", "file 5\n");
    put("berth/x/memory.current", "100\n");
    put("berth/x/memory.max", "max\n");
    put("berth/x/memory.events", "low 0\noom 4\noom_kill 2\n");
    put("berth/x/pids.current", "2\n");
    put("berth/x/pids.max", "max\n");
    put("berth/x/cpu.stat", "usage_usec 1\n");
    put("berth/x/io.stat", "254:0 rbytes=1 wbytes=2\n");
    const auto layout =
        detect_cgroups_in("31 23 0:28 / / rw - cgroup2 cgroup2 rw\n", root.native());
    const CgroupStats stats = Cgroup(layout, "/berth/x").stats();
    CHECK(stats.memory.details == Counters{{"file", 5}});
    CHECK(stats.memory.usage == 100);
    CHECK(stats.memory.limit == kNoLimit);
    CHECK(stats.memory.failures == 4);
    CHECK(stats.pids == 2);
    CHECK(stats.pids_limit == kNoLimit);
    CHECK(stats.cpu.total == 1000);
    REQUIRE(stats.block_io.bytes);
    CHECK(stats.block_io.bytes->size() == 2);
    CHECK_FALSE(stats.block_io.operations);
  }
  SECTION("none, or gone") {
    const auto layout = detect_cgroups_in("", "");
    const CgroupStats stats = Cgroup(layout, "/berth/x").stats();
    CHECK(stats.memory.usage == 0);
    CHECK_FALSE(stats.block_io.bytes);
  }
  fs::remove_all(root);
}
