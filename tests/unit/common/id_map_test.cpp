#include "common/id_map.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;

TEST_CASE("a container's ids are the host's from the first of their range on", "[id_map]") {
  const IdRanges ranges = {{0, 100'000, 1000}, {1000, 300'000, 10}};
  CHECK(host_id(ranges, 0) == 100'000U);
  CHECK(host_id(ranges, 999) == 100'999U);
  CHECK(host_id(ranges, 1009) == 300'009U);
  CHECK_FALSE(host_id(ranges, 1010));
  CHECK_FALSE(host_id({}, 0));
  CHECK(container_id(ranges, 300'009) == 1009U);
  CHECK_FALSE(container_id(ranges, 0));
  CHECK_FALSE(container_id(ranges, 101'000));
}

TEST_CASE("the kernel's table of them", "[id_map]") {
  const IdRanges ranges =
      parse_id_map("         0     200000      60000\n     60000 300000 5536\n");
  REQUIRE(ranges.size() == 2);
  CHECK(ranges[1].container == 60'000);
  CHECK(host_id(ranges, 60'001) == 300'001U);
  CHECK(parse_id_map("         0          0 4294967295\n").empty());
  CHECK_THROWS_AS(parse_id_map("0 one 2"), Error);
}
