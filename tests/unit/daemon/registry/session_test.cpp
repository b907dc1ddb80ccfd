// The client against a registry inside the test: authorisation, redirects, faults and resumption.
#include "daemon/registry/session.hpp"

#include <catch2/catch.hpp>

#include "common/file.hpp"
#include "daemon/registry/fetch.hpp"
#include "session_fixture.hpp"

using namespace berth;
using namespace berth::registry;
using berth::test::FakeAnswer;
using berth::test::FakeRequest;
using berth::test::FakeServer;

namespace {

const std::string kManifest = R"({"schemaVersion":2,"layers":[]})";

FakeAnswer manifest_answer() {
  return {200, {{"Content-Type", std::string(kOciManifest)}}, kManifest, {}, false};
}

FakeAnswer refusal(unsigned status, const std::string& code, const std::string& message) {
  return {status,
          {},
          R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})",
          {},
          false};
}

struct Fixture : test::SessionFixture {
  using SessionFixture::SessionFixture;

  FetchedManifest manifest(const std::string& reference = "latest") {
    return test::run(io, fetch_manifest(session(), reference, options));
  }
  std::string blob(const std::string& content, std::uint64_t size) {
    BlobFile file("/tmp");
    Descriptor descriptor{"", sha256(content), size};
    test::run(io, fetch_blob(session(), descriptor, file, options));
    const Fd fd = file.open_again();
    return read_all(fd.get(), "blob");
  }
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

std::uint64_t range_start(const FakeRequest& request) {
  const std::string range = request.header("range");
  return range.empty() ? 0 : std::stoull(range.substr(6));
}

}  // namespace

TEST_CASE("an open registry is asked without credentials", "[registry]") {
  Fixture registry([](const FakeRequest& request) {
    return request.target == "/v2/" ? FakeAnswer{} : manifest_answer();
  });
  test::run(registry.io, registry.session().ping());
  const FetchedManifest manifest = registry.manifest();
  CHECK(manifest.body == kManifest);
  CHECK(manifest.digest == sha256(kManifest));
  CHECK(manifest.media_type == kOciManifest);
  CHECK(registry.server.connections() == 1);
  const FakeRequest& request = registry.server.requests().back();
  CHECK(request.target == "/v2/library/thing/manifests/latest");
  CHECK(request.header("authorization").empty());
}

TEST_CASE("a token is fetched and used", "[registry]") {
  std::string address;
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    if (request.target.starts_with("/token")) {
      CHECK(request.target ==
            "/token?service=the%20registry&scope=repository%3Alibrary%2Fthing%3Apull&account=ann");
      CHECK(request.header("authorization") == basic_authorization("ann", "pw"));
      return {200, {}, R"({"token":"T1","expires_in":60})", {}, false};
    }
    if (request.header("authorization") == "Bearer T1") return manifest_answer();
    return {401,
            {{"WWW-Authenticate",
              "Bearer realm=\"http://" + address + "/token\",service=\"the registry\""}},
            "",
            {},
            false};
  });
  address = registry.server.address();
  registry.access.credentials.username = "ann";
  registry.access.credentials.password = "pw";
  test::run(registry.io, registry.session().ping());
  CHECK(registry.manifest().body == kManifest);
  CHECK(registry.server.count("GET", "/token") == 1);
  CHECK(registry.server.count("GET", "/v2/library") == 1);
}

TEST_CASE("an expired token is renewed once", "[registry]") {
  std::string address;
  int tokens = 0;
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    if (request.target.starts_with("/token")) {
      return {200, {}, R"({"access_token":"T)" + std::to_string(++tokens) + "\"}", {}, false};
    }
    if (request.header("authorization") == "Bearer T2") return manifest_answer();
    return {401,
            {{"WWW-Authenticate", "Bearer realm=\"http://" + address + "/token\""}},
            "",
            {},
            false};
  });
  address = registry.server.address();
  test::run(registry.io, registry.session().ping());
  CHECK(registry.manifest().body == kManifest);
  CHECK(tokens == 2);
}

TEST_CASE("an identity token is traded by POST", "[registry]") {
  std::string address;
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    if (request.target == "/token") {
      CHECK(request.method == "POST");
      CHECK(request.body ==
            "grant_type=refresh_token&service=s&scope=repository%3Alibrary%2Fthing%3Apull&"
            "client_id=berth&refresh_token=R%2F1");
      return {200, {}, R"({"access_token":"A1"})", {}, false};
    }
    if (request.header("authorization") == "Bearer A1") return manifest_answer();
    return {401,
            {{"WWW-Authenticate", "Bearer realm=\"http://" + address + "/token\",service=\"s\""}},
            "",
            {},
            false};
  });
  address = registry.server.address();
  registry.access.credentials.identity_token = "R/1";
  CHECK(registry.manifest().body == kManifest);
}

TEST_CASE("basic authentication", "[registry]") {
  Fixture registry([](const FakeRequest& request) -> FakeAnswer {
    if (request.header("authorization") == basic_authorization("ann", "pw")) {
      return manifest_answer();
    }
    return {401, {{"WWW-Authenticate", "Basic realm=\"r\""}}, "", {}, false};
  });
  SECTION("right") {
    registry.access.credentials = {"ann", "pw", "", ""};
    CHECK(registry.manifest().body == kManifest);
  }
  SECTION("wrong") {
    registry.access.credentials = {"ann", "no", "", ""};
    CHECK_THROWS_WITH(registry.manifest(), Catch::Contains("incorrect username or password"));
    CHECK(registry.server.requests().size() == 2);
  }
  SECTION("none") {
    CHECK_THROWS_WITH(registry.manifest(), Catch::Contains("no basic auth credentials"));
  }
}

TEST_CASE("a registry token is sent as it is", "[registry]") {
  Fixture registry([](const FakeRequest& request) -> FakeAnswer {
    if (request.header("authorization") == "Bearer given") return manifest_answer();
    return {401, {{"WWW-Authenticate", "Basic realm=\"r\""}}, "", {}, false};
  });
  registry.access.credentials.registry_token = "given";
  CHECK(registry.manifest().body == kManifest);
}

TEST_CASE("a token cannot smuggle headers", "[registry]") {
  Fixture registry([](const FakeRequest&) { return manifest_answer(); });
  registry.access.credentials.registry_token = "x\r\nEvil: 1";
  CHECK_THROWS_WITH(registry.manifest(), Catch::Contains("control characters"));
  CHECK(registry.server.requests().empty());
}

TEST_CASE("a redirect to another host carries no credentials", "[registry]") {
  const std::string content = pattern(1000);
  std::string storage_address;
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    CHECK(request.header("authorization") == "Bearer secret");
    return {307, {{"Location", "http://" + storage_address + "/signed?a=b"}}, "", {}, false};
  });
  FakeServer storage(registry.io, [&](const FakeRequest& request) -> FakeAnswer {
    CHECK(request.target == "/signed?a=b");
    CHECK(request.header("authorization").empty());
    return {200, {}, content, {}, false};
  });
  storage_address = storage.address();
  registry.access.credentials.registry_token = "secret";
  CHECK(registry.blob(content, content.size()) == content);
  CHECK(storage.requests().size() == 1);
}

TEST_CASE("a redirect within the registry keeps them", "[registry]") {
  Fixture registry([](const FakeRequest& request) -> FakeAnswer {
    CHECK(request.header("authorization") == "Bearer secret");
    if (request.target == "/moved") return manifest_answer();
    return {301, {{"Location", "/moved"}}, "", {}, false};
  });
  registry.access.credentials.registry_token = "secret";
  CHECK(registry.manifest().body == kManifest);
}

TEST_CASE("redirects have an end", "[registry]") {
  Fixture registry([](const FakeRequest& request) -> FakeAnswer {
    return {302, {{"Location", request.target + "x"}}, "", {}, false};
  });
  CHECK_THROWS_WITH(registry.manifest(), Catch::Contains("redirects without an end"));
  CHECK(registry.server.requests().size() == 11);
}

TEST_CASE("an unknown manifest is not found, at once", "[registry]") {
  Fixture registry(
      [](const FakeRequest&) { return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"); });
  try {
    registry.manifest();
    FAIL("found");
  } catch (const RegistryError& error) {
    CHECK(error.kind() == ErrorKind::kNotFound);
    CHECK(error.has_code("MANIFEST_UNKNOWN"));
    CHECK(std::string(error.what()).ends_with("/manifests/latest: manifest unknown"));
  }
  CHECK(registry.server.requests().size() == 1);
}

TEST_CASE("a manifest must have the digest that was asked for", "[registry]") {
  Fixture registry([](const FakeRequest&) { return manifest_answer(); });
  CHECK(registry.manifest(sha256(kManifest).str()).body == kManifest);
  CHECK_THROWS_WITH(registry.manifest(sha256("other").str()),
                    Catch::Contains("does not match its digest"));
}

TEST_CASE("a manifest must have the digest that its header promises", "[registry]") {
  Fixture registry([](const FakeRequest&) {
    FakeAnswer answer = manifest_answer();
    answer.headers.emplace_back("Docker-Content-Digest", sha256("other").str());
    return answer;
  });
  CHECK_THROWS_WITH(registry.manifest(), Catch::Contains("does not match its digest"));
}

TEST_CASE("a manifest beyond 4 MiB is refused", "[registry]") {
  Fixture registry([](const FakeRequest&) -> FakeAnswer {
    return {200, {}, std::string(kMaxManifestSize + 1, ' '), {}, false};
  });
  try {
    registry.manifest();
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kTooLarge);
  }
}

TEST_CASE("a blob is downloaded whole", "[registry]") {
  const std::string content = pattern(3'000'000);
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    CHECK(request.header("range").empty());
    return {200, {}, content, {}, false};
  });
  CHECK(registry.blob(content, content.size()) == content);
}

TEST_CASE("a cut blob is resumed by range", "[registry]") {
  const std::string content = pattern(500'000);
  std::vector<std::uint64_t> starts;
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    const std::uint64_t start = range_start(request);
    starts.push_back(start);
    FakeAnswer answer{200, {}, content.substr(start), {}, false};
    if (starts.size() < 3) answer.cut_after = 150'000;
    if (start > 0) {
      answer.status = 206;
      answer.headers.emplace_back("Content-Range",
                                  "bytes " + std::to_string(start) + "-499999/500000");
    }
    return answer;
  });
  CHECK(registry.blob(content, content.size()) == content);
  CHECK(starts == std::vector<std::uint64_t>{0, 150'000, 300'000});
}

TEST_CASE("a cut blob is resumed without ranges, too", "[registry]") {
  const std::string content = pattern(400'000);
  int count = 0;
  Fixture registry([&](const FakeRequest&) -> FakeAnswer {
    FakeAnswer answer{200, {}, content, {}, false};
    if (++count < 3) answer.cut_after = 100'000U * static_cast<unsigned>(count);
    return answer;
  });
  CHECK(registry.blob(content, content.size()) == content);
  CHECK(count == 3);
}

TEST_CASE("a range that was not asked for is refused", "[registry]") {
  const std::string content = pattern(1000);
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    if (range_start(request) == 0) return {200, {}, content, 500, false};
    return {206, {{"Content-Range", "bytes 400-999/1000"}}, content.substr(400), {}, false};
  });
  CHECK_THROWS_WITH(registry.blob(content, content.size()),
                    Catch::Contains("range that was not asked for"));
}

TEST_CASE("a blob with the wrong content is refused", "[registry]") {
  const std::string content = pattern(1000);
  std::string other = content;
  other[500] ^= 1;
  Fixture registry([&](const FakeRequest&) -> FakeAnswer { return {200, {}, other, {}, false}; });
  CHECK_THROWS_WITH(registry.blob(content, content.size()),
                    Catch::Contains("does not match its digest"));
  CHECK(registry.server.requests().size() == 1);
}

TEST_CASE("a blob larger than promised is refused", "[registry]") {
  const std::string content = pattern(200'000);
  Fixture registry([&](const FakeRequest&) -> FakeAnswer { return {200, {}, content, {}, false}; });
  CHECK_THROWS_WITH(registry.blob(content, 100'000), Catch::Contains("larger than its manifest"));
}

TEST_CASE("temporary refusals are tried again", "[registry]") {
  const unsigned status = GENERATE(429U, 500U, 502U, 503U, 504U, 408U);
  int count = 0;
  Fixture registry([&](const FakeRequest&) -> FakeAnswer {
    if (++count < 4) return {status, {{"Retry-After", "0"}}, "busy", {}, false};
    return manifest_answer();
  });
  CHECK(registry.manifest().body == kManifest);
  CHECK(count == 4);
}

TEST_CASE("five attempts are enough", "[registry]") {
  Fixture registry([](const FakeRequest&) {
    return refusal(429, "TOOMANYREQUESTS", "you have reached your pull rate limit");
  });
  CHECK_THROWS_WITH(registry.manifest(),
                    Catch::Contains("toomanyrequests") && Catch::Contains("pull rate limit"));
  CHECK(registry.server.requests().size() == 5);
}

TEST_CASE("Retry-After is honoured", "[registry]") {
  int count = 0;
  Fixture registry([&](const FakeRequest&) -> FakeAnswer {
    if (++count < 2) return {503, {{"Retry-After", "1"}}, "", {}, false};
    return manifest_answer();
  });
  const auto start = std::chrono::steady_clock::now();
  registry.manifest();
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::seconds(1));
}

TEST_CASE("a connection that the server closed meanwhile is replaced", "[registry]") {
  int count = 0;
  Fixture registry([&](const FakeRequest&) -> FakeAnswer {
    FakeAnswer answer = manifest_answer();
    if (++count == 1) answer.cut_after = answer.body.size();  // complete, then closed
    return answer;
  });
  CHECK(registry.manifest().body == kManifest);
  CHECK(registry.manifest().body == kManifest);
  CHECK(registry.server.connections() == 2);
}

TEST_CASE("the server's text cannot steer a terminal", "[registry]") {
  Fixture registry([](const FakeRequest&) {
    return refusal(403, "DENIED", "\\u001b[2Jgone\\n" + std::string(5000, 'x'));
  });
  try {
    registry.manifest();
    FAIL("accepted");
  } catch (const RegistryError& error) {
    const std::string text = error.what();
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.size() < 500);
  }
}

TEST_CASE("a host that cannot be reached is named", "[registry]") {
  std::string address;
  {
    asio::io_context io;
    address = FakeServer(io, [](const FakeRequest&) { return FakeAnswer{}; }).address();
  }
  Fixture registry([](const FakeRequest&) { return FakeAnswer{}; });
  HttpClient client(registry.io.get_executor(), registry.options);
  Session session(client, registry.options, pull_endpoints(registry.options, address).at(1),
                  registry.access);
  CHECK_THROWS_WITH(test::run(registry.io, session.ping()),
                    "cannot reach \"" + address + "\": connect: connection refused");
}

TEST_CASE("TLS to a plain server fails in the handshake", "[registry]") {
  Fixture registry([](const FakeRequest&) { return FakeAnswer{}; });
  HttpClient client(registry.io.get_executor(), registry.options);
  Session session(client, registry.options,
                  pull_endpoints(registry.options, registry.server.address()).at(0),
                  registry.access);
  try {
    test::run(registry.io, session.ping());
    FAIL("accepted");
  } catch (const NetworkError& error) {
    CHECK(error.stage() == NetworkError::Stage::kHandshake);
  }
}

TEST_CASE("plain requests go through a proxy in absolute form", "[registry]") {
  Fixture proxy([](const FakeRequest& request) {
    CHECK(request.target == "http://reg.example:5000/v2/library/thing/manifests/latest");
    CHECK(request.header("host") == "reg.example:5000");
    CHECK(request.header("proxy-authorization") == basic_authorization("u", "p:w"));
    return manifest_answer();
  });
  proxy.options.proxies.http = "http://u:p%3Aw@" + proxy.server.address();
  proxy.options.insecure_registries = {"reg.example:5000"};
  HttpClient client(proxy.io.get_executor(), proxy.options);
  Session session(client, proxy.options, pull_endpoints(proxy.options, "reg.example:5000").at(1),
                  proxy.access);
  CHECK(test::run(proxy.io, fetch_manifest(session, "latest", proxy.options)).body == kManifest);
  CHECK(proxy.server.requests().size() == 1);
}

TEST_CASE("TLS goes through a proxy's CONNECT", "[registry]") {
  Fixture proxy([](const FakeRequest& request) -> FakeAnswer {
    CHECK(request.method == "CONNECT");
    CHECK(request.target == "reg.example:443");
    return {403, {}, "", {}, false};
  });
  proxy.options.proxies.https = proxy.server.address();
  HttpClient client(proxy.io.get_executor(), proxy.options);
  Session session(client, proxy.options, pull_endpoints(proxy.options, "reg.example").at(0),
                  proxy.access);
  CHECK_THROWS_WITH(
      test::run(proxy.io, session.ping()),
      "cannot reach \"reg.example\": proxy \"" + proxy.server.address() + "\" answered 403");
}
