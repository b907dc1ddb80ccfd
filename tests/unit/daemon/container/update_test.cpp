// How an update of limits is laid over those that a container has.
#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/container/update_op.hpp"

using namespace berth;
using namespace berth::container;
using api::Resources;
using Catch::Contains;

TEST_CASE("what an update does not name stays", "[container]") {
  Resources present;
  present.cpu_shares = 512;
  present.pids_limit = 9;
  Resources change;
  change.memory = 64 << 20;
  const Resources merged = merge_resources(present, change);
  CHECK(merged.cpu_shares == 512);
  CHECK(merged.pids_limit == 9);
  CHECK(merged.memory == 64 << 20);
  CHECK(merged.memory_swap == 128 << 20);
  const Resources touched = touched_by(merged, change);
  CHECK(touched.cpu_shares == 0);
  CHECK_FALSE(touched.pids_limit);
  CHECK(touched.memory_swap == 128 << 20);
}

TEST_CASE("memory never grows beyond memory and swap", "[container]") {
  Resources present;
  present.memory = 64 << 20;
  present.memory_swap = 128 << 20;
  Resources change;
  change.memory = 256 << 20;
  CHECK_THROWS_WITH(merge_resources(present, change), Contains("memoryswap"));
  change.memory_swap = -1;
  CHECK(merge_resources(present, change).memory_swap == -1);
}

TEST_CASE("two ways to limit the CPU are not mixed", "[container]") {
  Resources present;
  present.nano_cpus = 500'000'000;
  Resources change;
  change.cpu_quota = 10'000;
  CHECK_THROWS_WITH(merge_resources(present, change), Contains("NanoCPUs has already been set"));
  present = {};
  present.cpu_period = 10'000;
  change = {};
  change.nano_cpus = 1;
  CHECK_THROWS_WITH(merge_resources(present, change), Contains("CPU Period has already been set"));
}

TEST_CASE("what is fixed at create is refused by name", "[container]") {
  Resources change;
  change.ulimits = {{"nofile", 10, 10}};
  CHECK_THROWS_WITH(merge_resources({}, change), Contains("Ulimits cannot be updated"));
  CHECK_NOTHROW(merge_resources(change, change));
}
