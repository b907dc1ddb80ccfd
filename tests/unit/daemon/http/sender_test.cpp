#include <catch2/catch.hpp>
#include <sys/socket.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "daemon/http/stream_sender.hpp"

using namespace berth;
using namespace berth::http;
using namespace std::chrono_literals;

namespace {

std::string read_there(int socket) {
  std::string text;
  std::array<char, 65536> buffer{};
  ssize_t got = 0;
  while ((got = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  return text;
}

}  // namespace

TEST_CASE("pieces go out as chunks", "[http]") {
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  StreamSender sender(std::move(pair.first), true);
  CHECK(sender.send("hello", 0ms));
  CHECK(sender.send("", 0ms));
  CHECK(sender.send(std::string(17, 'x'), 0ms));
  CHECK(read_there(pair.second.get()) == "5\r\nhello\r\n11\r\n" + std::string(17, 'x') + "\r\n");
  CHECK(sender.take_rest().empty());
}

TEST_CASE("and as they are to an old client", "[http]") {
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  StreamSender sender(std::move(pair.first), false);
  CHECK(sender.send("hello", 0ms));
  CHECK(read_there(pair.second.get()) == "hello");
}

TEST_CASE("what a slow client does not take is left, to the byte", "[http]") {
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  StreamSender sender(std::move(pair.first), true);
  const std::string piece(8 * 1024 * 1024 + 3, 'y');
  CHECK_FALSE(sender.send(piece, 0ms));
  const std::string rest = sender.take_rest();
  CHECK(rest.size() < piece.size());
  CHECK(read_there(pair.second.get()) + rest == "800003\r\n" + piece + "\r\n");
}

TEST_CASE("a client that is gone is an error", "[http]") {
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  StreamSender sender(std::move(pair.first), true);
  pair.second.reset();
  try {
    sender.send("hello", 0ms);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kCancelled);
  }
}
