#include "common/text.hpp"

#include <catch2/catch.hpp>

#include "common/crypto/sha256.hpp"
#include "common/error.hpp"
#include "common/ids.hpp"

using namespace berth;

TEST_CASE("truth is written in four ways", "[text]") {
  for (const char* text : {"true", "TRUE", "1"})
    CHECK(parse_truth(text) == true);
  for (const char* text : {"false", "False", "0"})
    CHECK(parse_truth(text) == false);
  for (const char* text : {"", "t", "yes", "2", " true"})
    CHECK_FALSE(parse_truth(text).has_value());
}

TEST_CASE("text is split at every separator", "[text]") {
  CHECK(split("a,b,,c", ',') == std::vector<std::string_view>{"a", "b", "", "c"});
  CHECK(split("", ',') == std::vector<std::string_view>{""});
}

TEST_CASE("only a whole decimal number is a number", "[text]") {
  CHECK(parse_number<int>("-12") == -12);
  CHECK_FALSE(parse_number<int>("12 "));
  CHECK_FALSE(parse_number<int>("+12"));
  CHECK_FALSE(parse_number<unsigned short>("65536"));
  CHECK_FALSE(parse_number<int>(""));
}

TEST_CASE("digests", "[digest]") {
  const std::string empty =
      "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  CHECK(sha256("").str() == empty);
  CHECK(parse_digest(empty).str() == empty);
  CHECK_THROWS_AS(parse_digest("sha256:E3B0"), Error);
  CHECK_THROWS_AS(
      parse_digest("md5:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), Error);
}

TEST_CASE("an id is random, full and never all digits in its short form", "[ids]") {
  const std::string id = random_hex_id();
  CHECK(is_full_id(id));
  CHECK(id != random_hex_id());
  CHECK(short_id(id).find_first_of("abcdef") != std::string_view::npos);
}

TEST_CASE("names follow the API's rule", "[ids]") {
  CHECK(is_valid_name("web_1.a-b"));
  CHECK_FALSE(is_valid_name("a"));
  CHECK_FALSE(is_valid_name("-ab"));
  CHECK_FALSE(is_valid_name("a/b"));
  CHECK_FALSE(is_valid_name(""));
}
