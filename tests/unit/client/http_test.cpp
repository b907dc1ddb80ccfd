// HTTP against canned answers on a socket pair, and the addresses of daemons.
#include <thread>

#include <catch2/catch.hpp>
#include <sys/socket.h>

#include "client/http/client.hpp"
#include "client/http/exchange.hpp"
#include "client/http/host.hpp"
#include "client/stream/json_lines.hpp"
#include "common/error.hpp"
#include "common/file.hpp"

using namespace berth;
using namespace berth::client;

namespace {

/// An exchange whose answer is already there, and what the client sent.
struct Canned {
  explicit Canned(std::string_view answer, Request request = {})
      : pair(make_socket_pair(SOCK_STREAM)) {
    write_all(pair.second.get(), answer, "socket");
    if (request.target.empty()) request.target = "/x";
    exchange.emplace(std::move(pair.first), request);
    ::shutdown(pair.second.get(), SHUT_WR);
  }
  std::string sent() {
    exchange.reset();
    return read_all(pair.second.get(), "socket");
  }

  SocketPair pair;
  std::optional<Exchange> exchange;
};

}  // namespace

TEST_CASE("an answer with a length is read and its connection used again") {
  Canned canned("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello");
  CHECK(canned.exchange->status() == 200);
  CHECK(canned.exchange->header("x-a") == "b");
  CHECK(canned.exchange->header("none").empty());
  CHECK(canned.exchange->read_all() == "hello");
  CHECK(canned.exchange->take_idle());
}

TEST_CASE("an answer in chunks is put together") {
  Canned canned(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\n\r\n");
  CHECK(canned.exchange->read_all() == "hello, world");
  CHECK(canned.exchange->take_idle());
}

TEST_CASE("an answer may end with the connection") {
  Canned canned("HTTP/1.1 200 OK\r\n\r\nall of it");
  CHECK(canned.exchange->read_all() == "all of it");
  CHECK_FALSE(canned.exchange->take_idle());
}

TEST_CASE("an answer without a body leaves the connection usable") {
  Canned canned("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(canned.exchange->status() == 204);
  CHECK(canned.exchange->read_all().empty());
  CHECK(canned.exchange->take_idle());
}

TEST_CASE("a connection that breaks in the middle is an error") {
  Canned chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  CHECK_THROWS_WITH(chunked.exchange->read_all(), Catch::Contains("broke"));
  Canned length("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
  CHECK_THROWS_AS(length.exchange->read_all(), Error);
  Canned nothing("");
  CHECK_THROWS_AS(nothing.exchange->status(), Error);
  Canned garbage("SSH-2.0-OpenSSH\r\n\r\n");
  CHECK_THROWS_WITH(garbage.exchange->status(), Catch::Contains("no valid HTTP"));
}

TEST_CASE("a large answer is read in pieces, whatever their cut") {
  std::string body(300'000, 'a');
  for (std::size_t index = 0; index < body.size(); index += 7)
    body[index] = 'b';
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  Request request;
  request.target = "/x";
  Exchange exchange(std::move(pair.first), request);
  std::jthread server([&] {
    std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t begin = 0; begin < body.size(); begin += 1000) {
      answer += "3e8\r\n" + body.substr(begin, 1000) + "\r\n";
    }
    answer += "0\r\n\r\n";
    for (std::size_t begin = 0; begin < answer.size(); begin += 997) {
      write_all(pair.second.get(), std::string_view(answer).substr(begin, 997), "socket");
    }
  });
  CHECK(exchange.read_all() == body);
}

TEST_CASE("the raw stream begins where the head ends") {
  Request request;
  request.target = "/attach";
  request.method = "POST";
  request.upgrade = true;
  Canned upgraded("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly",
                  request);
  CHECK(upgraded.exchange->status() == 101);
  RawStream stream = upgraded.exchange->take_stream();
  CHECK(stream.early_bytes == "early");
  CHECK(stream.socket);
  stream.socket.reset();
  CHECK(upgraded.sent() ==
        "POST /attach HTTP/1.1\r\nHost: berth\r\nUser-Agent: berth\r\nConnection: Upgrade\r\n"
        "Upgrade: tcp\r\nContent-Length: 0\r\n\r\n");
  Canned raw("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nearly");
  CHECK(raw.exchange->status() == 200);
  CHECK(raw.exchange->take_stream().early_bytes == "early");
}

TEST_CASE("a file is sent in chunks") {
  Pipe file = make_pipe();
  write_all(file.write.get(), "archive", "pipe");
  file.write.reset();
  Request request;
  request.method = "POST";
  request.target = "/images/load";
  request.body_file = file.read.get();
  Canned canned("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", request);
  CHECK(canned.exchange->status() == 200);
  const std::string sent = canned.sent();
  CHECK(sent.ends_with("Transfer-Encoding: chunked\r\n\r\n7\r\narchive\r\n0\r\n\r\n"));
}

TEST_CASE("JSON lines are found whatever their cut") {
  Canned canned(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\n{\"a\"\r\n6\r\n:1}\r\n{\r\n5\r\n}\n\n{}\r\n0\r\n\r\n");
  JsonLines lines(*canned.exchange);
  CHECK(lines.next() == "{\"a\":1}");
  CHECK(lines.next() == "{}");
  CHECK(lines.next() == "{}");
  CHECK(lines.next() == std::nullopt);
}

TEST_CASE("errors of the daemon carry its message and a kind") {
  Canned known(
      "HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\n{\"message\":\"no such thing\"}\n");
  try {
    require_success(*known.exchange);
    FAIL("no error");
  } catch (const ApiError& error) {
    CHECK(error.kind() == ErrorKind::kNotFound);
    CHECK(error.status() == 404);
    CHECK(error.what() == std::string("Error response from daemon: no such thing"));
  }
  Canned other("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops");
  CHECK_THROWS_WITH(require_success(*other.exchange), "Error response from daemon: oops");
}

TEST_CASE("hosts") {
  CHECK(parse_host("unix:///run/x.sock").path == "/run/x.sock");
  const Host tcp = parse_host("tcp://localhost:2376");
  CHECK(tcp.address == "localhost");
  CHECK(tcp.port == "2376");
  CHECK(parse_host("tcp://10.0.0.1").port == "2375");
  CHECK(parse_host("tcp://[::1]:80").address == "::1");
  CHECK(parse_host("tcp://[::1]:80").text() == "tcp://[::1]:80");
  for (const char* wrong : {"", "/run/x.sock", "unix://x", "http://x", "tcp://[::1"}) {
    INFO(wrong);
    CHECK_THROWS_AS(parse_host(wrong), Error);
  }
  const Host nowhere = parse_host("unix:///nonexistent/berth.sock");
  CHECK_THROWS_WITH(connect_to(nowhere), Catch::Contains("cannot connect") &&
                                             Catch::Contains("\n") &&
                                             Catch::Contains("systemctl start berth"));
}

TEST_CASE("queries are escaped and empty values left out") {
  CHECK(query_string({}).empty());
  CHECK(query_string({{"a", ""}}).empty());
  CHECK(query_string({{"a", "x y&z"}, {"b", ""}, {"c", "\xC3\xA4"}}) == "?a=x%20y%26z&c=%C3%A4");
}
