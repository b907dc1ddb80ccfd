// Pushing's requests against a registry inside the test: what goes out, and what a bad answer does.
#include "daemon/registry/upload.hpp"

#include <catch2/catch.hpp>

#include "session_fixture.hpp"

using namespace berth;
using namespace berth::registry;
using berth::test::FakeAnswer;
using berth::test::FakeRequest;
using berth::test::FakeServer;

namespace {

FakeAnswer status(unsigned code, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {code, std::move(headers), "", {}, false};
}

struct Fixture : test::SessionFixture {
  explicit Fixture(FakeServer::Handler handler) : SessionFixture(std::move(handler)) {
    options.max_download_attempts = 3;
    access.push = true;
  }

  std::shared_ptr<OutgoingBlob> blob(const std::string& content) {
    auto made = std::make_shared<OutgoingBlob>(io.get_executor(), "/tmp");
    made->append(std::as_bytes(std::span(content)));
    made->finish("application/x");
    test::run(io, made->whole());
    return made;
  }
  void upload(std::shared_ptr<OutgoingBlob> what) {
    test::run(io, upload_blob(session(), std::move(what), sent, options));
  }

  std::shared_ptr<std::atomic<std::uint64_t>> sent =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace

TEST_CASE("a whole blob goes out in one piece and is named by its digest", "[registry]") {
  const std::string content(300'000, 'x');
  std::string received;
  Fixture registry([&](const FakeRequest& request) {
    if (request.method == "POST") return status(202, {{"Location", "/upload/1?a=b"}});
    if (request.method == "PATCH") received = request.body;
    if (request.method == "PATCH") return status(202, {{"Location", "/upload/2?c=d"}});
    return status(201);
  });
  registry.upload(registry.blob(content));
  CHECK(received == content);
  CHECK(*registry.sent == content.size());
  const auto& requests = registry.server.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].target == "/v2/library/thing/blobs/uploads/");
  CHECK(requests[1].target == "/upload/1?a=b");
  CHECK(requests[1].header("content-length") == "300000");
  CHECK(requests[2].method == "PUT");
  CHECK(requests[2].target ==
        "/upload/2?c=d&digest=sha256%3A" + std::string(digest_hex(sha256(content).str())));
}

TEST_CASE("a registry that breaks the upload's protocol is told so", "[registry]") {
  SECTION("it does not say where the upload goes on") {
    Fixture registry([](const FakeRequest&) { return status(202); });
    CHECK_THROWS_WITH(registry.upload(registry.blob("content")),
                      Catch::Contains("did not say where an upload goes on"));
  }
  SECTION("it has more than was sent") {
    Fixture registry([](const FakeRequest& request) {
      if (request.method == "POST") return status(202, {{"Location", "/upload"}});
      if (request.method == "PATCH") return status(503);
      return status(204, {{"Location", "/upload"}, {"Range", "0-99"}});
    });
    CHECK_THROWS_WITH(registry.upload(registry.blob("content")),
                      Catch::Contains("has more of a blob than was sent"));
  }
  SECTION("it forgets every upload") {
    Fixture registry([](const FakeRequest& request) {
      if (request.method == "POST") return status(202, {{"Location", "/upload"}});
      return status(request.method == "PATCH" ? 503 : 404);
    });
    CHECK_THROWS_AS(registry.upload(registry.blob("content")), TemporaryError);
  }
  SECTION("it names another manifest") {
    Fixture registry([](const FakeRequest&) {
      return status(201, {{"Docker-Content-Digest", "sha256:" + std::string(64, 'a')}});
    });
    CHECK_THROWS_WITH(test::run(registry.io, put_manifest(registry.session(), "1", "type", "body",
                                                          registry.options)),
                      Catch::Contains("the registry names the manifest sha256:aaaa"));
  }
}

TEST_CASE("what the maker of a blob throws ends its upload", "[registry]") {
  Fixture registry([](const FakeRequest&) { return status(202, {{"Location", "/upload"}}); });
  auto broken = std::make_shared<OutgoingBlob>(registry.io.get_executor(), "/tmp");
  broken->fail(std::make_exception_ptr(Error(ErrorKind::kNotImplemented, "no recipe")));
  CHECK_THROWS_WITH(registry.upload(broken), "no recipe");
  auto unwanted = std::make_shared<OutgoingBlob>(registry.io.get_executor(), "/tmp");
  unwanted->abandon();
  CHECK_THROWS_WITH(unwanted->append({}), "the push was cancelled");
}

TEST_CASE("a mount that is refused is no failure", "[registry]") {
  std::vector<std::string> asked;
  unsigned answer = 201;
  Fixture registry([&](const FakeRequest& request) {
    asked.push_back(request.method + " " + request.target);
    if (request.method == "DELETE") return status(404);
    return status(answer, {{"Location", "/upload/1"}});
  });
  const Digest digest = sha256("layer");
  const auto mount = [&] {
    return test::run(registry.io,
                     mount_blob(registry.session(), digest, "other/box", registry.options));
  };
  CHECK(mount());
  CHECK(asked.back() == "POST /v2/library/thing/blobs/uploads/?mount=sha256%3A" +
                            std::string(digest_hex(digest.str())) + "&from=other%2Fbox");
  answer = 202;
  CHECK_FALSE(mount());
  CHECK(asked.back() == "DELETE /upload/1");
  answer = 403;
  CHECK_FALSE(mount());
}

TEST_CASE("a push asks for the rights that it needs, and for them again", "[registry]") {
  std::string address;
  int tokens = 0;
  Fixture registry([&](const FakeRequest& request) -> FakeAnswer {
    if (request.target.starts_with("/token")) {
      CHECK(request.target ==
            "/token?service=s&scope=repository%3Alibrary%2Fthing%3Apull%2Cpush"
            "&scope=repository%3Aother%2Fbox%3Apull");
      return {200, {}, R"({"token":"T)" + std::to_string(++tokens) + "\"}", {}, false};
    }
    // The first token ends in the middle: the blob's request learns that.
    const bool first = request.header("authorization") == "Bearer T1";
    if (tokens == 0 || (first && request.method == "PATCH")) {
      return status(401, {{"WWW-Authenticate",
                           "Bearer realm=\"http://" + address + "/token\",service=\"s\""}});
    }
    if (request.method == "GET") return status(204, {{"Location", "/upload"}, {"Range", "0-0"}});
    return status(202, {{"Location", "/upload"}});
  });
  address = registry.server.address();
  registry.access.mounts = {"other/box"};
  registry.upload(registry.blob("content"));
  CHECK(tokens == 2);
  CHECK(registry.server.count("PATCH", "/upload") == 2);
  CHECK(registry.server.requests().back().header("authorization") == "Bearer T2");
}

TEST_CASE("an upload elsewhere gets no token", "[registry]") {
  std::string elsewhere;
  Fixture storage([](const FakeRequest& request) {
    CHECK(request.header("authorization").empty());
    return status(request.method == "PUT" ? 201 : 202, {{"Location", "/upload"}});
  });
  Fixture registry([&](const FakeRequest& request) {
    CHECK(request.header("authorization") == "Bearer secret");
    return status(202, {{"Location", "http://" + elsewhere + "/upload"}});
  });
  elsewhere = storage.server.address();
  registry.access.credentials.registry_token = "secret";
  // Both servers answer on the one loop that runs.
  const auto blob = registry.blob("content");
  std::exception_ptr failure;
  bool done = false;
  asio::co_spawn(registry.io,
                 upload_blob(registry.session(), blob, registry.sent, registry.options),
                 [&](std::exception_ptr error) {
                   failure = std::move(error);
                   done = true;
                 });
  registry.io.restart();
  storage.io.restart();
  while (!done) {
    registry.io.run_for(std::chrono::milliseconds(1));
    storage.io.run_for(std::chrono::milliseconds(1));
  }
  CHECK_FALSE(failure);
  CHECK(storage.server.count("PUT", "/upload") == 1);
}
