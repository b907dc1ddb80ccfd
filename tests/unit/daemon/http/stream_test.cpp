// Connections that are taken over, clients that leave, and the server's end.
#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/error.hpp"
#include "test_server.hpp"

using namespace berth;
using namespace berth::http;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

template <typename Condition>
bool comes_true(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

std::string refusal(const std::string& address, const ListenOptions& options = {}) {
  try {
    open_listeners(address, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("an upgraded connection is the handler's, with what came early", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send(
      "POST /v1.42/hijack HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly");
  const std::string head = client.read_until("\r\n\r\n");
  CHECK_THAT(head, StartsWith("HTTP/1.1 101 UPGRADED\r\n"));
  CHECK_THAT(head, Contains("Upgrade: tcp\r\n") && Contains("Connection: Upgrade\r\n"));
  CHECK_THAT(head, Contains("Content-Type: application/vnd.docker.multiplexed-stream\r\n"));
  CHECK(client.read_all() == "<early>");
}

TEST_CASE("without Upgrade the raw stream follows a 200", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send("POST /v1.41/hijack HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  CHECK_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(head, Contains("Content-Type: application/vnd.docker.raw-stream\r\n"));
  CHECK_THAT(head, !Contains("Content-Length") && !Contains("chunked"));
  CHECK(client.read_all() == "<>");
}

TEST_CASE("a handler that waits ends when its client leaves", "[http]") {
  const TestServer server;
  for (int i = 1; i <= 3; ++i) {
    TestClient client(server);
    client.send("GET /forever HTTP/1.1\r\nHost: d\r\n\r\n");
    client.read_until("begun");
    REQUIRE(comes_true([&] { return server.waiting() == i; }));
    CHECK(server.cancelled() == i - 1);
    client.close();
    CHECK(comes_true([&] { return server.cancelled() == i; }));
  }
}

TEST_CASE("also when only its writing half is closed", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send("GET /forever HTTP/1.1\r\nHost: d\r\n\r\n");
  client.read_until("begun");
  ::shutdown(client.number(), SHUT_WR);
  CHECK(comes_true([&] { return server.cancelled() == 1; }));
}

TEST_CASE("also when it sent ahead what nobody read", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send("GET /forever HTTP/1.1\r\nHost: d\r\n\r\n");
  client.read_until("begun");
  client.send("GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
  REQUIRE(comes_true([&] { return server.waiting() == 1; }));
  CHECK(server.cancelled() == 0);
  client.close();
  CHECK(comes_true([&] { return server.cancelled() == 1; }));
}

TEST_CASE("the end cuts waits off at once and lets work be finished", "[http]") {
  TestServer server;
  TestClient idle(server);
  TestClient waiting(server);
  TestClient ahead(server);
  TestClient working(server);
  idle.ask("GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
  waiting.send("GET /forever HTTP/1.1\r\nHost: d\r\n\r\n");
  ahead.send("GET /forever HTTP/1.1\r\nHost: d\r\n\r\nGET /_ping HTTP/1.1\r\n\r\n");
  working.send("GET /slow HTTP/1.1\r\nHost: d\r\n\r\n");
  REQUIRE(comes_true([&] { return server.waiting() == 3; }));
  const auto taken = server.stop(10s);
  CHECK(taken < 5s);
  CHECK(server.cancelled() == 2);
  CHECK_THAT(working.read_all(), StartsWith("HTTP/1.1 200 OK") && EndsWith("done"));
  CHECK_THAT(waiting.read_all(), EndsWith("5\r\nbegun\r\n"));
  CHECK(idle.read_all().empty());
  CHECK_FALSE(std::filesystem::exists(server.socket_path()));
}

TEST_CASE("who does not read his answer cannot hold the end up", "[http]") {
  TestServer server;
  TestClient client(server);
  client.send("GET /big HTTP/1.1\r\nHost: d\r\n\r\n");
  client.read_until("\r\n\r\n");
  CHECK(server.stop(50ms) < 5s);
}

TEST_CASE("a Unix socket is for its owner and group alone", "[http]") {
  const TestServer server;
  struct stat status{};
  REQUIRE(::stat(server.socket_path().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0660U);
}

TEST_CASE("a socket that somebody serves is not taken, one that nobody serves is", "[http]") {
  const TestServer server;
  CHECK_THAT(refusal("unix://" + server.socket_path()), Contains("another daemon listens there"));
  const std::string stale = server.folder() / "stale.sock";
  {
    const Fd left = own_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    stale.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* plain = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::bind(left.get(), plain, sizeof address) == 0);
  }
  REQUIRE(std::filesystem::exists(stale));
  {
    const auto listeners = open_listeners("unix://" + stale, {});
    CHECK(listeners.size() == 1);
  }
  CHECK_FALSE(std::filesystem::exists(stale));
  const std::string file = server.folder() / "file";
  std::filesystem::create_directory(file);
  CHECK_THAT(refusal("unix://" + file), Contains("is not a socket"));
}

TEST_CASE("addresses that cannot be listened on are refused with the reason", "[http]") {
  CHECK_THAT(refusal("tcp://0.0.0.0:0"), Contains("tcp://0.0.0.0:0") && Contains("loopback"));
  CHECK_THAT(refusal("tcp://[::]:0"), Contains("loopback"));
  CHECK_THAT(refusal("http://x"), Contains("must begin with unix://"));
  CHECK_THAT(refusal("unix://" + std::string(120, '/')), Contains("longer than 107 bytes"));
  ListenOptions wanted;
  wanted.group = "no-such-group";
  wanted.group_required = true;
  const TestServer server;
  CHECK_THAT(refusal("unix://" + (server.folder() / "g.sock").native(), wanted),
             Contains("no-such-group"));
  CHECK_FALSE(std::filesystem::exists(server.folder() / "g.sock"));
  CHECK(open_listeners("tcp://127.0.0.1:0", {}).size() == 1);
}
