// What flows between a user and a container.
#include <catch2/catch.hpp>

#include "client/stream/demultiplexer.hpp"
#include "client/stream/signal_source.hpp"
#include "client/terminal/detach_keys.hpp"
#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/file.hpp"

using namespace berth;
using namespace berth::client;

namespace {

std::string frame(char kind, const std::string& payload) {
  const auto size = static_cast<std::uint32_t>(payload.size());
  std::string head(8, '\0');
  head[0] = kind;
  head[6] = static_cast<char>(size >> 8U);
  head[7] = static_cast<char>(size);
  return head + payload;
}

struct Outputs {
  Pipe out = make_pipe();
  Pipe err = make_pipe();

  OutputFiles files() const { return {out.write.get(), err.write.get()}; }
  std::pair<std::string, std::string> take() {
    out.write.reset();
    err.write.reset();
    return {read_all(out.read.get(), "out"), read_all(err.read.get(), "err")};
  }
};

}  // namespace

TEST_CASE("frames go to their files, wherever they are cut") {
  const std::string long_text(400, 'x');
  const std::string data =
      frame(1, "one") + frame(2, "two") + frame(1, "") + frame(1, long_text) + frame(2, "end");
  for (std::size_t piece = 1; piece < data.size(); piece += 3) {
    Outputs outputs;
    Demultiplexer demultiplexer(outputs.files());
    for (std::size_t begin = 0; begin < data.size(); begin += piece) {
      demultiplexer.write(std::string_view(data).substr(begin, piece));
    }
    CHECK(outputs.take() == std::pair<std::string, std::string>("one" + long_text, "twoend"));
  }
}

TEST_CASE("errors of the daemon in the stream, and streams that are none, are thrown") {
  Outputs outputs;
  Demultiplexer demultiplexer(outputs.files());
  CHECK_THROWS_WITH(demultiplexer.write(frame(3, "log is gone")), Catch::Contains("log is gone"));
  Demultiplexer other(outputs.files());
  CHECK_THROWS_AS(other.write("plain text"), Error);
}

TEST_CASE("detach keys are named") {
  CHECK(parse_detach_keys("ctrl-p,ctrl-q") == "\x10\x11");
  CHECK(parse_detach_keys("a,ctrl-@,ctrl-[,ctrl-\\") == std::string("a\0\x1b\x1c", 4));
  CHECK(parse_detach_keys("") == "");
  for (const char* wrong : {"ctrl-", "ctrl-1", "shift-a", "a,,b", "ab"}) {
    INFO(wrong);
    CHECK_THROWS_AS(parse_detach_keys(wrong), Error);
  }
}

TEST_CASE("detach keys are found in what is typed, and nothing else is lost") {
  DetachScanner scanner("\x10\x11");
  std::string passed;
  CHECK_FALSE(scanner.scan("abc\x10", passed));
  CHECK(passed == "abc");
  CHECK_FALSE(scanner.scan("d", passed));
  CHECK(passed ==
        "abc\x10"
        "d");
  CHECK_FALSE(scanner.scan("\x10\x10", passed));
  CHECK(scanner.scan("\x11rest", passed));
  CHECK(passed ==
        "abc\x10"
        "d\x10");
  DetachScanner none("");
  passed.clear();
  CHECK_FALSE(none.scan("\x10\x11", passed));
  CHECK(passed == "\x10\x11");
}

TEST_CASE("signals are read while their source lives") {
  SignalSource signals;
  CHECK(signals.next() == std::nullopt);
  ::kill(::getpid(), SIGTERM);
  CHECK(signals.next() == SIGTERM);
  CHECK(signals.next() == std::nullopt);
  CHECK(signal_name(SIGUSR1) == "USR1");
}
