#include "daemon/http/query.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "common/time.hpp"

using namespace berth;
using namespace berth::http;
using Catch::Matchers::Contains;

namespace {

template <typename Function>
std::string refusal(Function function) {
  try {
    function();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("values are decoded", "[http]") {
  const Query query("name=a%20b+c&t=1&t=2&empty=&bare&%C3%A4=%E2%82%AC");
  CHECK(query.text("name") == "a b c");
  CHECK(query.all("t") == std::vector<std::string>{"1", "2"});
  CHECK(query.text("t") == "1");
  CHECK(query.has("empty"));
  CHECK(query.has("bare"));
  CHECK(query.text("bare").empty());
  CHECK_FALSE(query.has("nosuch"));
  CHECK(query.text("\xC3\xA4") == "\xE2\x82\xAC");
  CHECK(Query("").all("x").empty());
}

TEST_CASE("broken encoding is refused, letters that should have been encoded are not", "[http]") {
  CHECK_THAT(refusal([] { Query("a=%zz"); }), Contains("URL encoded"));
  CHECK_THAT(refusal([] { Query("a=%4"); }), Contains("URL encoded"));
  CHECK(Query(R"(filters={"status":["exited"]})").filters() == Filters{{"status", {"exited"}}});
}

TEST_CASE("truth as the API reads it", "[http]") {
  const auto [text, truth] = GENERATE(table<std::string, bool>({{"", false},
                                                                {"f=", false},
                                                                {"f", false},
                                                                {"f=0", false},
                                                                {"f=no", false},
                                                                {"f=false", false},
                                                                {"f=False", false},
                                                                {"f=none", false},
                                                                {"f=1", true},
                                                                {"f=true", true},
                                                                {"f=yes", true},
                                                                {"f=anything", true}}));
  INFO(text);
  CHECK(Query(text).flag("f") == truth);
}

TEST_CASE("an absent flag is what its reader says", "[http]") {
  CHECK(Query("").flag("f", true));
  CHECK_FALSE(Query("f=0").flag("f", true));
}

TEST_CASE("numbers are whole ones", "[http]") {
  CHECK(Query("n=-12").number("n") == -12);
  CHECK(Query("n=").number("n") == std::nullopt);
  CHECK(Query("").number("n") == std::nullopt);
  const auto bad =
      GENERATE(as<std::string>{}, "n=1.5", "n=x", "n=1x", "n=%201", "n=99999999999999999999");
  CHECK_THAT(refusal([&] { Query(bad).number("n"); }),
             Contains("parameter n") && Contains("whole number"));
}

TEST_CASE("filters come in two forms", "[http]") {
  CHECK(Query("filters=%7B%22a%22%3A%5B%22x%22%2C%22y%22%5D%7D").filters() ==
        Filters{{"a", {"x", "y"}}});
  CHECK(Query(R"(filters={"a":{"x":true,"y":false}})").filters() == Filters{{"a", {"x"}}});
  CHECK(Query("").filters().empty());
  CHECK(Query("filters=").filters().empty());
  const auto bad = GENERATE(as<std::string>{}, "filters={", "filters=[]", R"(filters={"a":"x"})",
                            R"(filters={"a":[1]})", "filters=x");
  CHECK_THAT(refusal([&] { Query(bad).filters(); }), Contains("filters"));
}

TEST_CASE("times are seconds, RFC 3339 or how long ago", "[http]") {
  using namespace std::chrono_literals;
  CHECK(Query("t=12.5").time("t") == Timestamp(12s + 500ms));
  CHECK(Query("t=1700000000.000000007").time("t") == Timestamp(1'700'000'000s + 7ns));
  CHECK(Query("t=1970-01-01T00:01:00Z").time("t") == Timestamp(60s));
  const auto ago = Query("t=10m").time("t");
  REQUIRE(ago);
  CHECK(now() - *ago >= 10min);
  CHECK(now() - *ago < 11min);
  CHECK(Query("").time("t") == std::nullopt);
  CHECK(Query("t=0").time("t") == std::nullopt);
  CHECK_THAT(refusal([] { Query("t=yesterday").time("t"); }), Contains("yesterday"));
  CHECK_FALSE(refusal([] { Query("t=Tomorrow").time("t"); }).empty());
}
