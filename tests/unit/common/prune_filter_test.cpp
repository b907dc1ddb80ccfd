#include "common/prune_filter.hpp"

#include <array>

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;

namespace {

const std::map<std::string, std::string> kLabels{{"a", "1"}, {"b", "2"}};
const Timestamp kCreated{std::chrono::seconds(1000)};

bool matches(const PruneFilter::Values& filters) {
  return PruneFilter(filters).matches(kLabels, kCreated);
}

}  // namespace

TEST_CASE("labels are all needed, and unwanted when all are there", "[prune]") {
  CHECK(matches({}));
  CHECK(matches({{"label", {}}}));
  CHECK(matches({{"label", {"a", "b=2"}}}));
  CHECK_FALSE(matches({{"label", {"a", "b=3"}}}));
  CHECK_FALSE(matches({{"label!", {"a"}}}));
  CHECK_FALSE(matches({{"label!", {"a=1", "b"}}}));
  CHECK(matches({{"label!", {"a", "c"}}}));
  CHECK(matches({{"label", {"a"}}, {"label!", {"c"}}}));
}

TEST_CASE("until keeps what came later", "[prune]") {
  CHECK(matches({{"until", {"1000"}}}));
  CHECK(matches({{"until", {"10m"}}}));
  CHECK_FALSE(matches({{"until", {"999.5"}}}));
}

TEST_CASE("prune filters that cannot be used are refused", "[prune]") {
  CHECK_THROWS_WITH(matches({{"colour", {"red"}}}), "invalid filter 'colour'");
  CHECK_THROWS_WITH(matches({{"until", {"1", "2"}}}), "more than one until filter specified");
  CHECK_THROWS_WITH(matches({{"until", {"soon"}}}),
                    Catch::Matchers::StartsWith("invalid filter 'until=soon': must be a time"));
  constexpr std::array<std::string_view, 1> kOwn = {"dangling"};
  CHECK_NOTHROW(PruneFilter({{"dangling", {"true"}}}, kOwn));
}
