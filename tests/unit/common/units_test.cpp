#include "common/units.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;
using namespace std::chrono_literals;

TEST_CASE("sizes of memory are powers of 1024", "[units]") {
  CHECK(parse_memory_size("0") == 0);
  CHECK(parse_memory_size("32") == 32);
  CHECK(parse_memory_size("32b") == 32);
  CHECK(parse_memory_size("32 B") == 32);
  CHECK(parse_memory_size("10kb") == 10240);
  CHECK(parse_memory_size("10K") == 10240);
  CHECK(parse_memory_size("512m") == 536870912);
  CHECK(parse_memory_size("1GiB") == 1073741824);
  CHECK(parse_memory_size("1.5g") == 1610612736);
  CHECK(parse_memory_size(".5k") == 512);
  CHECK(parse_memory_size("2t") == 2199023255552);
  CHECK(parse_memory_size("9223372036854775807") == INT64_MAX);
}

TEST_CASE("sizes of logs are powers of 1000", "[units]") {
  CHECK(parse_decimal_size("10m") == 10'000'000);
  CHECK(parse_decimal_size("1.5kB") == 1500);
}

TEST_CASE("what is no size is refused", "[units]") {
  const auto text = GENERATE("", "m", "-1", "-1m", "1x", "1kib1", "1 2", "1..5m", "inf", "nan",
                             "1e3", "0x10", "+5", "1mm", "1bk", "9223372036854775808",
                             "9007199254740993p", "99999999999999999999.5p", "1  m", " 1m", ".");
  CHECK_THROWS_AS(parse_memory_size(text), Error);
}

TEST_CASE("sizes are shown with significant digits", "[units]") {
  CHECK(format_decimal_size(0) == "0B");
  CHECK(format_decimal_size(999) == "999B");
  CHECK(format_decimal_size(1000) == "1kB");
  CHECK(format_decimal_size(12'345'678) == "12.3MB");
  CHECK(format_decimal_size(187'400'000) == "187MB");
  CHECK(format_decimal_size(12'345'678, 4) == "12.35MB");
  CHECK(format_decimal_size(UINT64_MAX, 4) == "18.45EB");
  CHECK(format_binary_size(1023) == "1023B");
  CHECK(format_binary_size(1024) == "1KiB");
  CHECK(format_binary_size(1610612736) == "1.5GiB");
}

TEST_CASE("durations are read as Go reads them", "[units]") {
  CHECK(parse_duration("0") == 0ns);
  CHECK(parse_duration("1h30m5s10ms") == 1h + 30min + 5s + 10ms);
  CHECK(parse_duration("300ms") == 300ms);
  CHECK(parse_duration("-1.5h") == -90min);
  CHECK(parse_duration("+5s") == 5s);
  CHECK(parse_duration("0.001s") == 1ms);
  CHECK(parse_duration("1.s") == 1s);
  CHECK(parse_duration(".5s") == 500ms);
  CHECK(parse_duration("3us4ns") == 3us + 4ns);
  CHECK(parse_duration("3\u00b5s") == 3us);
}

TEST_CASE("what is no duration is refused", "[units]") {
  const auto text = GENERATE("", "5", "s", "1h5", "1d", "-", "1.2.3s", ".s", "1 s", "ms",
                             "9999999999h", "9223372036s9s9h9223372036s");
  CHECK_THROWS_AS(parse_duration(text), Error);
}

TEST_CASE("durations are shown as Go shows them", "[units]") {
  CHECK(format_duration(0ns) == "0s");
  CHECK(format_duration(1ns) == "1ns");
  CHECK(format_duration(1500ns) == "1.5\u00b5s");
  CHECK(format_duration(300ms) == "300ms");
  CHECK(format_duration(1h + 30min + 5s + 10ms) == "1h30m5.01s");
  CHECK(format_duration(2min) == "2m0s");
  CHECK(format_duration(-1h) == "-1h0m0s");
  CHECK(format_duration(std::chrono::nanoseconds(INT64_MIN)) == "-2562047h47m16.854775808s");
  CHECK(parse_duration(format_duration(26h + 3ms)) == 26h + 3ms);
}

TEST_CASE("ages are shown in words", "[units]") {
  CHECK(format_human_duration(-5s) == "Less than a second");
  CHECK(format_human_duration(900ms) == "Less than a second");
  CHECK(format_human_duration(1s) == "1 second");
  CHECK(format_human_duration(59s) == "59 seconds");
  CHECK(format_human_duration(60s) == "About a minute");
  CHECK(format_human_duration(5min) == "5 minutes");
  CHECK(format_human_duration(59min + 59s) == "59 minutes");
  CHECK(format_human_duration(60min) == "About an hour");
  CHECK(format_human_duration(3h) == "3 hours");
  CHECK(format_human_duration(47h) == "47 hours");
  CHECK(format_human_duration(48h) == "2 days");
  CHECK(format_human_duration(24h * 20) == "2 weeks");
  CHECK(format_human_duration(24h * 90) == "3 months");
  CHECK(format_human_duration(24h * 365 * 3) == "3 years");
}
