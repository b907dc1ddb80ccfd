#include "daemon/image/instructions.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/image/words.hpp"

namespace berth::image {

namespace {

api::ImageConfig applied(std::vector<std::string> lines, api::ImageConfig config = {}) {
  apply_instructions(config, lines);
  return config;
}

std::string refusal(const std::string& line) {
  try {
    (void)applied({line});
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::kInvalidArgument);
    return error.what();
  }
  return {};
}

using List = api::StringList;

}  // namespace

TEST_CASE("words are expanded as a shell would") {
  const List environment{"A=one", "EMPTY=", "PATH=/bin"};
  CHECK(expand("$A ${A}x '$A' \"$A\" \\$A", environment) == "one onex $A one $A");
  CHECK(expand("${NONE:-or $A} ${A:+set} ${EMPTY:-e}", environment) == "or one set e");
  CHECK(expand("a$ b\\ c", environment) == "a$ b c");
  CHECK(expand(R"("a\"b\n")", environment) == R"(a"b\n)");
  CHECK_THROWS_AS(expand("'open", environment), Error);
  CHECK_THROWS_AS(expand("\"open", environment), Error);
  CHECK_THROWS_AS(expand("${open", environment), Error);
  CHECK(raw_words(R"(a  "b c" d\ e 'f g'h)") ==
        std::vector<std::string>{"a", "\"b c\"", "d\\ e", "'f g'h"});
}

TEST_CASE("commands in both forms") {
  CHECK(applied({R"(CMD ["a", "b c"])"}).cmd == List{"a", "b c"});
  CHECK(applied({"cmd echo  $HOME"}).cmd == List{"/bin/sh", "-c", "echo  $HOME"});
  CHECK(applied({"CMD [broken"}).cmd == List{"/bin/sh", "-c", "[broken"});
  api::ImageConfig before;
  before.cmd = {"old"};
  before.shell = {"/bin/bash", "-ec"};
  CHECK(applied({"ENTRYPOINT [\"/e\"]"}, before).cmd.empty());
  const auto both = applied({"CMD new", "ENTRYPOINT run"}, before);
  CHECK(both.cmd == List{"/bin/bash", "-ec", "new"});
  CHECK(both.entrypoint == List{"/bin/bash", "-ec", "run"});
}

TEST_CASE("variables, labels, ports and volumes are joined") {
  api::ImageConfig before;
  before.env = {"PATH=/bin", "OLD=1"};
  const auto config = applied({"ENV OLD=2 NEW=$OLD", "ENV LEGACY  all the rest", "LABEL a=$NEW",
                               "EXPOSE 80 90-91/udp", "VOLUME /a /b"},
                              before);
  CHECK(config.env == List{"PATH=/bin", "OLD=2", "NEW=1", "LEGACY=all the rest"});
  CHECK(config.labels == api::StringMap{{"a", "1"}});
  CHECK(config.exposed_ports == api::KeySet{"80/tcp", "90/udp", "91/udp"});
  CHECK(config.volumes == api::KeySet{"/a", "/b"});
}

TEST_CASE("folders, users, signals, triggers and health") {
  const auto config =
      applied({"# a comment\nWORKDIR /a/b", "WORKDIR ../c/", "USER me", "STOPSIGNAL 9",
               "ONBUILD RUN x  y", "HEALTHCHECK --timeout=3s CMD [\"t\"]"});
  CHECK(config.working_dir == "/a/c");
  CHECK(config.user == "me");
  CHECK(config.stop_signal == "9");
  CHECK(config.on_build == List{"RUN x  y"});
  CHECK(config.healthcheck->test == List{"CMD", "t"});
  CHECK(config.healthcheck->timeout == 3'000'000'000);
  CHECK(applied({"HEALTHCHECK NONE"}).healthcheck->test == List{"NONE"});
}

TEST_CASE("what no change may say is refused") {
  CHECK(refusal("RUN true") == "RUN is not a valid change command");
  CHECK(refusal("CMD") == "CMD requires at least one argument");
  CHECK(refusal("ENV A") == "ENV must have two arguments");
  CHECK_FALSE(refusal("ENV A=1 B").empty());
  CHECK_FALSE(refusal("LABEL =1").empty());
  for (const char* const port : {"0", "x", "90-80", "1/icmp", "70000"})
    CHECK_FALSE(refusal(std::string("EXPOSE ") + port).empty());
  CHECK_FALSE(refusal("USER a b").empty());
  CHECK_FALSE(refusal("VOLUME [\"\"]").empty());
  CHECK_FALSE(refusal("ONBUILD FROM x").empty());
  CHECK_FALSE(refusal("ONBUILD ONBUILD RUN x").empty());
  CHECK_FALSE(refusal("HEALTHCHECK --interval=1ns CMD x").empty());
  CHECK_FALSE(refusal("HEALTHCHECK --what=1 CMD x").empty());
  CHECK_FALSE(refusal("HEALTHCHECK SHELL x").empty());
}

}  // namespace berth::image
