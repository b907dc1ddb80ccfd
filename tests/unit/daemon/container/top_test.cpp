#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/container/top_op.hpp"

using namespace berth;
using namespace berth::container;
using Catch::Matchers::Contains;

TEST_CASE("ps's lines of the container are kept, cut at the titles", "[top]") {
  const auto top = parse_ps(
      "UID          PID    PPID  C STIME TTY          TIME CMD\n"
      "root           7       1  0 01:02 ?        00:00:00 sleep 1000 with  blanks\n"
      "root          70       1  0 01:02 ?        00:00:00 other\n"
      "root           9       7  0 01:02 ?        00:00:00 [defunct]\n",
      {7, 9});
  CHECK(top.titles == api::StringList{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"});
  REQUIRE(top.processes.size() == 2);
  CHECK(top.processes[0] ==
        api::StringList{"root", "7", "1", "0", "01:02", "?", "00:00:00", "sleep 1000 with blanks"});
  CHECK(top.processes[1].at(1) == "9");
}

TEST_CASE("threads follow their process", "[top]") {
  const auto top = parse_ps(
      "PID TTY COMMAND\n"
      "7 ? mine\n"
      "- - -\n"
      "8 ? other\n"
      "- - -\n",
      {7});
  CHECK(top.processes.size() == 2);
}

TEST_CASE("output without process numbers is refused", "[top]") {
  CHECK_THROWS_WITH(parse_ps("USER CMD\nroot init\n", {1}), "Couldn't find PID field in ps output");
  CHECK_THROWS_WITH(parse_ps("", {1}), "Couldn't find PID field in ps output");
  CHECK_THROWS_WITH(parse_ps("PID CMD\ninit 1\n", {1}), Contains("Unexpected pid 'init'"));
}

TEST_CASE("a line that is too short is left out", "[top]") {
  CHECK(parse_ps("USER PID CMD\nroot\n\nroot 1 init\n", {1}).processes.size() == 1);
}

TEST_CASE("another column cannot pass for the process number's", "[top]") {
  for (const char* fine : {"-ef", "aux", "-o pid=PID", "-o pid,comm", "-o pid=,comm=X", "-o a="})
    CHECK_NOTHROW(check_ps_arguments(fine));
  CHECK_THROWS_WITH(check_ps_arguments("-o pid=X -o comm=PID"),
                    "specifying \"comm=PID\" is not allowed");
  CHECK_THROWS_WITH(check_ps_arguments("-eo ppid= PIDX rest"),
                    "specifying \"ppid=PIDX\" is not allowed");
}
