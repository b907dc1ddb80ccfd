#include "common/time.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;

TEST_CASE("a time survives being written and read", "[time]") {
  const auto text = GENERATE("2024-02-29T23:59:59.123456789Z", "1970-01-01T00:00:00Z",
                             "2026-11-23T20:04:55.5Z", "2038-01-19T03:14:08.00000001Z");
  CHECK(format_rfc3339(parse_rfc3339(text)) == text);
}

TEST_CASE("an offset is taken into account", "[time]") {
  CHECK(parse_rfc3339("2024-01-01T02:30:00+02:30") == parse_rfc3339("2024-01-01T00:00:00Z"));
  CHECK(parse_rfc3339("2023-12-31T19:00:00-05:00") == parse_rfc3339("2024-01-01T00:00:00Z"));
}

TEST_CASE("what is no time is refused", "[time]") {
  const auto text =
      GENERATE("", "2024", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z",
               "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Zx",
               "2024-01-01 00:00:00Z", "-024-01-01T00:00:00Z");
  CHECK_THROWS_AS(parse_rfc3339(text), Error);
}
