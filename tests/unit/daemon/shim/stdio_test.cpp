// Streams, attachments and the protocol, over pipes and socket pairs.
#include "daemon/shim/stdio.hpp"

#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/shim/protocol.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

/// A container's pipes without a container: the test plays the process.
struct Process {
  Loop loop;
  LogWriter log{-1, {}};
  Stdio stdio{loop, log};
  Fd input;   // what the process reads
  Fd output;  // what it writes
  Fd error;

  explicit Process(bool stdin_once = true) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    Pipe err = make_pipe();
    input = std::move(in.read);
    output = std::move(out.write);
    error = std::move(err.write);
    stdio.use_pipes(std::move(in.write), std::move(out.read), std::move(err.read), stdin_once);
  }

  Fd attach(bool multiplexed = true, const std::string& early = "") {
    SocketPair pair = make_socket_pair(SOCK_STREAM);
    stdio.attach(std::move(pair.first), {true, true, true, multiplexed, ""}, early);
    return std::move(pair.second);
  }

  /// The process ends; returns when every output has been passed on.
  void end() {
    output.reset();
    error.reset();
    stdio.drain([this] { loop.stop(); });
    loop.run();
  }
};

std::string read_to_end(const Fd& fd) {
  return read_all(fd.get(), "stream");
}

std::string frame(char stream, const std::string& text) {
  return std::string({stream, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())}) + text;
}

}  // namespace

TEST_CASE("every client gets the output in frames", "[stdio]") {
  Process process;
  const Fd first = process.attach();
  const Fd second = process.attach();
  write_all(process.output.get(), "out\n", "pipe");
  process.end();
  CHECK(read_to_end(first) == frame(1, "out\n"));
  CHECK(read_to_end(second) == frame(1, "out\n"));
}

TEST_CASE("a client that went away is forgotten", "[stdio]") {
  Process process;
  {
    const Fd gone = process.attach();
  }
  const Fd stays = process.attach();
  write_all(process.error.get(), "e", "pipe");
  process.end();
  CHECK(read_to_end(stays) == frame(2, "e"));
}

TEST_CASE("input goes to the process, what came with the request first, and its end closes it",
          "[stdio]") {
  Process process;
  const Fd client = process.attach(true, "early ");
  write_all(client.get(), "late", "socket");
  ::shutdown(client.get(), SHUT_WR);
  process.end();
  CHECK(read_to_end(process.input) == "early late");
}

TEST_CASE("without stdin_once the input stays open for the next client", "[stdio]") {
  Process process(false);
  {
    const Fd client = process.attach();
    write_all(client.get(), "one ", "socket");
  }
  const Fd next = process.attach();
  write_all(next.get(), "two", "socket");
  ::shutdown(next.get(), SHUT_WR);
  process.end();
  CHECK(read_to_end(process.input) == "one two");
}

TEST_CASE("a slow client loses nothing", "[stdio]") {
  Process process;
  Fd client = process.attach(false);
  // More than pipes and sockets hold: the writer must wait for the reader.
  const std::string sent(std::size_t{3} << 20U, 'x');
  std::string received;
  std::jthread writer(
      [&, output = std::move(process.output)] { write_all(output.get(), sent, "pipe"); });
  std::jthread reader([&] {
    std::vector<char> buffer(1000);
    for (;;) {
      const ssize_t got = ::read(client.get(), buffer.data(), buffer.size());
      if (got <= 0) return;
      received.append(buffer.data(), static_cast<std::size_t>(got));
    }
  });
  process.end();
  reader.join();
  CHECK(received == sent);
}

TEST_CASE("detach keys are found across reads and nothing else is lost", "[stdio]") {
  DetachKeys keys("\x10\x11");
  std::string out;
  CHECK_FALSE(keys.filter("ab\x10", out));
  CHECK(out == "ab");
  CHECK_FALSE(keys.filter("c", out));
  CHECK(out ==
        "ab\x10"
        "c");
  CHECK_FALSE(keys.filter("\x10\x10", out));
  CHECK(keys.filter("\x11rest", out));
  CHECK(out ==
        "ab\x10"
        "c\x10");
}

TEST_CASE("messages carry descriptors, and what is none is refused", "[protocol]") {
  const SocketPair pair = make_socket_pair(SOCK_SEQPACKET);
  const Pipe pipe = make_pipe();
  const int descriptor = pipe.write.get();
  send_message(pair.first.get(), "attach", {{"stdin", true}}, {&descriptor, 1});
  Message message;
  REQUIRE(receive_message(pair.second.get(), message) == ReceiveStatus::kMessage);
  CHECK(message.type == "attach");
  CHECK(message.body.at("stdin") == true);
  REQUIRE(message.descriptors.size() == 1);
  CHECK((::fcntl(message.descriptors[0].get(), F_GETFD) & FD_CLOEXEC) != 0);

  for (const std::string bad : {"", "x", "[]", "{}", R"({"type":1})"}) {
    if (bad.empty()) continue;
    ::send(pair.first.get(), bad.data(), bad.size(), 0);
    CHECK_THROWS_AS(receive_message(pair.second.get(), message), Error);
  }
  CHECK(from_hex("00ff10") == std::string("\x00\xff\x10", 3));
  CHECK_THROWS_AS(from_hex("0"), Error);
  CHECK_THROWS_AS(from_hex("zz"), Error);
}
