// The server's HTTP, byte for byte.
#include <catch2/catch.hpp>

#include "test_server.hpp"

using namespace berth;
using namespace berth::http;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

constexpr std::string_view kPing = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";

std::string post(const std::string& path, const std::string& body,
                 const std::string& headers = "Content-Type: application/json\r\n") {
  return "POST " + path + " HTTP/1.1\r\nHost: d\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: d\r\n" + headers + "\r\n";
}

}  // namespace

TEST_CASE("an answer carries the engine's headers", "[http]") {
  const TestServer server;
  TestClient client(server);
  const std::string answer = client.ask(kPing);
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, EndsWith("\r\n\r\nOK"));
  for (const char* header : {"Api-Version: 1.50\r\n", "Docker-Experimental: false\r\n",
                             "Ostype: linux\r\n", "Server: Berth/", "Content-Length: 2\r\n"}) {
    CHECK_THAT(answer, Contains(header));
  }
  CHECK_THAT(answer, !Contains("Connection: close"));
}

TEST_CASE("a connection serves many requests, also when they are sent ahead", "[http]") {
  const TestServer server;
  TestClient client(server);
  for (int i = 0; i < 3; ++i)
    CHECK_THAT(client.ask(kPing), EndsWith("OK"));
  std::string many;
  for (int i = 0; i < 200; ++i)
    many += post("/echo", std::to_string(i)) + std::string(kPing);
  client.send(many);
  for (int i = 0; i < 200; ++i) {
    CHECK_THAT(client.read_answer(), EndsWith("\r\n\r\n" + std::to_string(i)));
    CHECK_THAT(client.read_answer(), EndsWith("OK"));
  }
}

TEST_CASE("a head may come byte by byte", "[http]") {
  const TestServer server;
  TestClient client(server);
  for (const char letter : kPing)
    client.send(std::string_view(&letter, 1));
  CHECK_THAT(client.read_answer(), EndsWith("OK"));
  CHECK_THAT(client.ask(kPing), EndsWith("OK"));
}

TEST_CASE("HEAD has the length and no body", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send("HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
  CHECK_THAT(client.read_until("\r\n\r\n"), Contains("Content-Length: 2"));
  CHECK_THAT(client.ask(kPing), EndsWith("OK"));
}

TEST_CASE("handlers run on the control thread, inline ones on the socket's", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.ask(get("/plain"));
  CHECK(server.handler_thread() == server.control_thread());
  client.ask(kPing);
  CHECK(server.handler_thread() == server.streams_thread());
  client.ask(post("/echo", "1"));
  CHECK(server.handler_thread() == server.control_thread());
}

TEST_CASE("HTTP/1.0 ends with the connection, unless asked otherwise", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send("GET /_ping HTTP/1.0\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK_THAT(answer, StartsWith("HTTP/1.0 200 OK"));
  CHECK_THAT(answer, Contains("Connection: close"));
  TestClient keeping(server);
  CHECK_THAT(keeping.ask("GET /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
             Contains("Connection: keep-alive"));
  CHECK_THAT(keeping.ask("GET /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), EndsWith("OK"));
}

TEST_CASE("Connection: close is obeyed", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send(get("/_ping", "Connection: close\r\n"));
  CHECK_THAT(client.read_all(), Contains("Connection: close") && EndsWith("OK"));
}

TEST_CASE("a chunked body is read to its end", "[http]") {
  const TestServer server;
  TestClient client(server);
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: d\r\nContent-Type: application/json; charset=utf-8\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  client.send(head);
  client.send("3\r\nabc\r\n");
  client.send("A;extension=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n");
  CHECK_THAT(client.read_answer(), EndsWith("\r\n\r\nabc0123456789"));
  CHECK_THAT(client.ask(kPing), EndsWith("OK"));
}

TEST_CASE("a malformed chunk is a 400", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\nxyz\r\n");
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 400 ") && Contains("malformed request body"));
}

TEST_CASE("answers in pieces are chunks, and bare bytes in HTTP/1.0", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send(get("/chunks"));
  CHECK_THAT(client.read_until("\r\n\r\n"), Contains("Transfer-Encoding: chunked"));
  CHECK(client.read_until("0\r\n\r\n") ==
        "3\r\none\r\n14\r\n" + std::string(20, 'x') + "\r\n0\r\n\r\n");
  CHECK_THAT(client.ask(kPing), EndsWith("OK"));
  TestClient old(server);
  old.send("GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK_THAT(old.read_all(),
             EndsWith("\r\n\r\none" + std::string(20, 'x')) && Contains("Connection: close"));
}

TEST_CASE("a client that waits for 100 gets it, once its body is wanted", "[http]") {
  const TestServer server;
  const std::string expect =
      "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 3\r\n";
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: d\r\n" + expect + "\r\n");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK_THAT(client.ask("abc"), EndsWith("\r\n\r\nabc"));
  TestClient refused(server);
  refused.send("POST /nosuch HTTP/1.1\r\nHost: d\r\n" + expect + "\r\n");
  CHECK_THAT(refused.read_all(), StartsWith("HTTP/1.1 404 ") && !Contains("100 Continue"));
}

TEST_CASE("a body that nobody read does not become the next request", "[http]") {
  const TestServer server;
  TestClient client(server);
  CHECK_THAT(client.ask(post("/nosuch", std::string(kPing))), StartsWith("HTTP/1.1 404 "));
  CHECK_THAT(client.ask(kPing), EndsWith("OK"));
  client.send(post("/nosuch", std::string(std::size_t{1} << 20U, 'x')).substr(0, 70000));
  CHECK_THAT(client.read_answer(), StartsWith("HTTP/1.1 404 "));
}

TEST_CASE("JSON must be called so and be of bounded size", "[http]") {
  const TestServer server;
  const auto type = GENERATE(as<std::string>{}, "", "Content-Type: text/plain\r\n",
                             "Content-Type: application/x-www-form-urlencoded\r\n");
  TestClient client(server);
  CHECK_THAT(client.ask(post("/echo", "{}", type)),
             StartsWith("HTTP/1.1 400 ") && Contains("must be 'application/json'"));
  CHECK_THAT(client.ask(post("/echo", "", type)), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("a JSON body beyond 8 MiB is a 413, promised or sent", "[http]") {
  const TestServer server;
  TestClient promising(server);
  promising.send(
      "POST /echo HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
      "Content-Length: 9000000000\r\n\r\n");
  CHECK_THAT(promising.read_all(), StartsWith("HTTP/1.1 413 ") && Contains("larger than 8388608"));
  TestClient sending(server);
  sending.send(
      "POST /echo HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  const std::string piece = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  for (int i = 0; i < 128; ++i)
    sending.send(piece);
  sending.send("1\r\n \r\n");
  CHECK_THAT(sending.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST_CASE("what is no HTTP gets a 400 and the end", "[http]") {
  const TestServer server;
  const auto request = GENERATE(as<std::string>{}, "\x16\x03\x01 hello\r\n\r\n", "GET\r\n\r\n",
                                "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
                                "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n");
  TestClient client(server);
  client.send(request);
  CHECK_THAT(client.read_all(),
             StartsWith("HTTP/1.1 400 ") && Contains(R"({"message":"malformed request: )"));
}

TEST_CASE("two lengths of one body are refused", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send(
      "POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 4\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 400 "));
}

TEST_CASE("a head beyond 64 KiB is a 431", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send("GET /_ping HTTP/1.1\r\nX-Long: " + std::string(70000, 'x'));
  CHECK_THAT(client.read_all(), StartsWith("HTTP/1.1 431 "));
}

TEST_CASE("errors are the status of their kind and a message", "[http]") {
  const TestServer server;
  TestClient client(server);
  CHECK_THAT(client.ask(get("/broken")),
             StartsWith("HTTP/1.1 409 Conflict\r\n") &&
                 Contains("Content-Type: application/json\r\n") &&
                 EndsWith("{\"message\":\"a \\\"quoted\\\" reason\"}\n"));
  CHECK_THAT(client.ask(get("/broken?kind=foreign")),
             StartsWith("HTTP/1.1 500 ") && Contains("a library's text"));
  CHECK_THAT(client.ask(get("/broken?kind=silent")), StartsWith("HTTP/1.1 500 "));
  client.send(get("/broken?kind=same"));
  const std::string same = client.read_until("\r\n\r\n");
  CHECK_THAT(same, StartsWith("HTTP/1.1 304 ") && !Contains("Content-Length"));
  CHECK_THAT(client.ask(get("/nosuch")),
             StartsWith("HTTP/1.1 404 ") && Contains(R"({"message":"page not found"})"));
}

TEST_CASE("an answer that breaks off is not ended as if it were whole", "[http]") {
  const TestServer server;
  TestClient client(server);
  client.send(get("/broken?kind=late"));
  CHECK_THAT(client.read_all(), EndsWith("4\r\nsome\r\n"));
}

TEST_CASE("paths are decoded, with a version or without", "[http]") {
  const TestServer server;
  TestClient client(server);
  CHECK_THAT(client.ask(get("/v1.30/name/a%20b/c%2Fd")), EndsWith("1.30 a b/c/d"));
  CHECK_THAT(client.ask(get("/name/x")), EndsWith("1.50 x"));
  CHECK_THAT(client.ask(get("http://localhost/v1.41/name/x?y")), EndsWith("1.41 x"));
  CHECK_THAT(client.ask(get("/v1.99/name/x")),
             StartsWith("HTTP/1.1 400 ") && Contains("client version 1.99 is too new"));
  for (const char* path : {"/name/%zz", "/name/a%0Ab", "/name/%00", "/name/x?a=%4"})
    CHECK_THAT(client.ask(get(path)), StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(client.ask(kPing), EndsWith("OK"));
}

TEST_CASE("a large answer reaches a client that reads late", "[http]") {
  const TestServer server;
  TestClient client(server);
  TestClient other(server);
  client.send(get("/big"));
  CHECK_THAT(other.ask(kPing), EndsWith("OK"));
  client.read_until("\r\n\r\n");
  CHECK(client.read_bytes(std::size_t{8} << 20U) == std::string(std::size_t{8} << 20U, 'b'));
  CHECK_THAT(client.ask(kPing), EndsWith("OK"));
}
