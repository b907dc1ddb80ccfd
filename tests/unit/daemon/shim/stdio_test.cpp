// Streams and attachments, over pipes, socket pairs and a terminal.
#include "daemon/shim/stdio.hpp"

#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

/// A container's pipes without a container: the test plays the process.
struct Process {
  Loop loop;
  LogWriter log;
  Stdio stdio{loop, &log};
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

  /// Lets the shim do whatever it has to do.
  void turn(int times) {
    for (int i = 0; i < times; ++i) {
      loop.after(std::chrono::milliseconds(0), [this] { loop.stop(); });
      loop.run();
    }
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

TEST_CASE("detach keys whose beginning comes again are found", "[stdio]") {
  DetachKeys keys("aab");
  std::string out;
  CHECK_FALSE(keys.filter("aaa", out));
  CHECK(out == "a");
  CHECK(keys.filter("b", out));
  CHECK(out == "a");
}

TEST_CASE("the header of a frame tells its length", "[stdio]") {
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  Attacher attacher(std::move(pair.first), {false, true, true, true, ""});
  const std::string text(70'000, 'f');
  std::string received(8 + text.size(), '\0');
  REQUIRE(attacher.send(Stream::kStderr, text));
  REQUIRE(::recv(pair.second.get(), received.data(), received.size(), MSG_WAITALL) ==
          static_cast<ssize_t>(received.size()));
  CHECK(received.substr(0, 8) == std::string("\x02\0\0\0\x00\x01\x11\x70", 8));
  CHECK(received.substr(8) == text);
}

TEST_CASE("what a client sent before it closed its socket arrives", "[stdio]") {
  Process process;
  // More than the pipe holds: the rest is with the socket of a client that is gone.
  const std::string sent(150'000, 'i');
  {
    const Fd client = process.attach();
    write_all(client.get(), sent, "socket");
  }
  const Pipe done = make_pipe();
  process.loop.add(done.read.get(), EPOLLIN, [&](std::uint32_t) { process.loop.stop(); });
  std::string received;
  std::jthread reader([&] {
    received = read_to_end(process.input);
    write_all(done.write.get(), "x", "pipe");
  });
  process.loop.run();
  CHECK(received == sent);
}

TEST_CASE("at the end nobody waits for a slow client, which gets all the same", "[stdio]") {
  Process process;
  const Fd client = process.attach(false);
  const std::string sent(200'000, 'o');
  write_all(process.output.get(), sent, "pipe");
  // What it typed unread in the socket must not cost it the output.
  write_all(client.get(), "typed", "socket");
  process.end();
  CHECK(read_to_end(client) == sent);
}

TEST_CASE("a process that does not read its input leaves it with the client", "[stdio]") {
  Process process;
  Fd client = process.attach();
  set_nonblocking(client.get(), true);
  const std::string piece(4096, 'i');
  std::size_t taken = 0;
  for (int round = 0; round < 10; ++round) {
    while (::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL) > 0)
      taken += piece.size();
    REQUIRE(errno == EAGAIN);
    process.turn(100);
  }
  // What a pipe and a socket hold.
  CHECK(taken < 600'000);
  client.reset();
  process.end();
}

TEST_CASE("a closed input costs the client's input, and nothing else", "[stdio]") {
  ::signal(SIGPIPE, SIG_IGN);
  Process process;
  process.input.reset();
  const Fd client = process.attach(false);
  write_all(client.get(), "for nobody", "socket");
  write_all(process.output.get(), "goes on", "pipe");
  process.end();
  CHECK(read_to_end(client) == "goes on");
}

namespace {

/// A container's terminal, whose other end the test holds.
struct Console {
  Loop loop;
  LogWriter log;
  Stdio stdio{loop, &log};
  Fd process;

  Console() {
    Fd master = own_fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
    check_errno(::grantpt(master.get()), "grantpt");
    check_errno(::unlockpt(master.get()), "unlockpt");
    process = own_fd(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "peer");
    termios settings{};
    ::tcgetattr(process.get(), &settings);
    ::cfmakeraw(&settings);
    ::tcsetattr(process.get(), TCSANOW, &settings);
    stdio.use_terminal(std::move(master));
  }

  Fd attach() {
    SocketPair pair = make_socket_pair(SOCK_STREAM);
    stdio.attach(std::move(pair.first), {true, true, false, false, "\x10\x11"}, "");
    return std::move(pair.second);
  }
};

std::string read_exactly(const Fd& fd, std::size_t count) {
  std::string text(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::read(fd.get(), text.data() + done, count - done);
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return text.substr(0, done);
}

}  // namespace

TEST_CASE("detach keys end one client's session, and the terminal goes on for the other",
          "[stdio]") {
  Console console;
  const Fd leaves = console.attach();
  const Fd stays = console.attach();
  int detached = 0;
  console.stdio.when_detached([&] { ++detached; });
  console.stdio.resize(40, 120);
  winsize size{};
  REQUIRE(::ioctl(console.process.get(), TIOCGWINSZ, &size) == 0);
  CHECK(size.ws_row == 40);
  CHECK(size.ws_col == 120);
  std::string typed;
  std::string shown;
  std::string left;
  const Pipe done = make_pipe();
  console.loop.add(done.read.get(), EPOLLIN, [&](std::uint32_t) {
    console.loop.remove(done.read.get());
    console.process.reset();
    console.stdio.drain([&] { console.loop.stop(); });
  });
  std::jthread user([&] {
    write_all(leaves.get(), "ab\x10", "socket");
    typed = read_exactly(console.process, 2);
    write_all(leaves.get(), "\x11 never seen", "socket");
    left = read_to_end(leaves);
    write_all(console.process.get(), "still here", "terminal");
    shown = read_exactly(stays, 10);
    write_all(stays.get(), "cd", "socket");
    typed += read_exactly(console.process, 2);
    write_all(done.write.get(), "x", "pipe");
  });
  console.loop.run();
  CHECK(typed == "abcd");
  CHECK(left.empty());
  CHECK(shown == "still here");
  CHECK(read_to_end(stays).empty());
  CHECK(detached == 1);
}

TEST_CASE("streams that nobody asked for need no pipe", "[stdio]") {
  Loop loop;
  Stdio stdio(loop, nullptr);
  Pipe out = make_pipe();
  stdio.use_pipes(Fd(), std::move(out.read), Fd(), true);
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  stdio.attach(std::move(pair.first), {true, true, true, false, ""}, "input for nobody");
  write_all(out.write.get(), "out", "pipe");
  out.write.reset();
  stdio.drain([&] { loop.stop(); });
  loop.run();
  CHECK(read_to_end(pair.second) == "out");
}

TEST_CASE("what is said goes to every client, whatever it asked for", "[stdio]") {
  Loop loop;
  Stdio stdio(loop, nullptr);
  SocketPair plain = make_socket_pair(SOCK_STREAM);
  SocketPair framed = make_socket_pair(SOCK_STREAM);
  stdio.attach(std::move(plain.first), {false, false, false, false, ""}, "");
  stdio.attach(std::move(framed.first), {false, false, true, true, ""}, "");
  stdio.say("no such program");
  stdio.drain([&] { loop.stop(); });
  loop.run();
  CHECK(read_to_end(plain.second) == "no such program");
  CHECK(read_to_end(framed.second) == frame(1, "no such program"));
}

TEST_CASE("output without a terminal cannot be resized", "[stdio]") {
  Process process;
  CHECK_THROWS_AS(process.stdio.resize(1, 1), Error);
}
