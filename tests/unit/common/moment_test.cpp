#include "common/moment.hpp"

#include <catch2/catch.hpp>

using namespace berth;
using std::chrono::seconds;

TEST_CASE("a moment in each of its forms", "[moment]") {
  CHECK(parse_moment("10") == Timestamp(seconds(10)));
  CHECK(parse_moment("10.5") == Timestamp(seconds(10) + std::chrono::milliseconds(500)));
  CHECK(parse_moment("1700000000.123456789012") ==
        Timestamp(seconds(1'700'000'000) + std::chrono::nanoseconds(123'456'789)));
  CHECK(parse_moment("1970-01-01T00:00:07Z") == Timestamp(seconds(7)));
  CHECK(parse_moment("1970-01-01T01:00:07+01:00") == Timestamp(seconds(7)));
  const auto day = parse_moment("2024-05-06");
  REQUIRE(day);
  CHECK(parse_moment("2024-05-06T00:00") == day);
  CHECK(parse_moment("2024-05-06T00:00:30") == *day + seconds(30));
  const auto ago = parse_moment("1h");
  REQUIRE(ago);
  CHECK(now() - *ago >= std::chrono::hours(1));
  CHECK(now() - *ago < std::chrono::hours(2));
}

TEST_CASE("other texts are no moments", "[moment]") {
  for (const char* text : {"", "yesterday", "2024-13-01", "10.x", "10.-5", "1e3", "2024-05-06 12",
                           "99999999999999999999", "9999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_moment(text));
  }
}
