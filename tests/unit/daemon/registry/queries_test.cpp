// Short questions, against a registry inside the test.
#include "daemon/registry/queries.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "session_fixture.hpp"

using namespace berth;
using namespace berth::registry;
using berth::test::FakeAnswer;
using berth::test::FakeRequest;
using berth::test::FakeServer;

namespace {

FakeAnswer status(unsigned code) {
  return {code, {}, "", {}, false};
}

Options quick() {
  Options options;
  options.retry_delay = std::chrono::milliseconds(1);
  options.max_download_attempts = 2;
  options.temporary = "/tmp";
  return options;
}

struct Fixture {
  explicit Fixture(FakeServer::Handler handler) : server(io, std::move(handler)) {}
  ~Fixture() { test::run(io, queries.close()); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  std::vector<api::SearchResult> search(const std::string& words, std::size_t limit = 25) {
    return test::run(io, queries.search({server.address() + "/" + words, limit, credentials}));
  }

  asio::io_context io{1};
  Credentials credentials;
  FakeServer server;
  TransferThread thread;
  Queries queries{io.get_executor(), thread, quick()};
};

}  // namespace

TEST_CASE("credentials are checked by asking", "[registry]") {
  Fixture f([](const FakeRequest& asked) -> FakeAnswer {
    if (asked.header("authorization") == basic_authorization("ann", "pw")) return FakeAnswer{};
    return FakeAnswer{401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "", {}, false};
  });
  const auto check = [&](const char* password) {
    test::run(f.io, f.queries.check_credentials(f.server.address(), {"ann", password, "", ""}));
  };
  CHECK_NOTHROW(check("pw"));
  CHECK_THROWS_WITH(check("wrong"), Catch::Contains("incorrect username or password"));
}

TEST_CASE("a registry's search service is asked", "[registry]") {
  Fixture registry([](const FakeRequest& request) -> FakeAnswer {
    if (!request.target.starts_with("/v1/search")) return status(404);
    CHECK(request.target == "/v1/search?q=a%20tool&n=2");
    CHECK(request.header("authorization") == basic_authorization("ann", "pw"));
    return {200,
            {},
            R"({"num_results":3,"results":[{"name":"a","star_count":5,"is_official":true,
                "description":"d"},{"name":"b"},{"name":"c"}]})",
            {},
            false};
  });
  registry.credentials = {"ann", "pw", "", ""};
  const auto found = registry.search("a tool", 2);
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "a");
  CHECK(found[0].star_count == 5);
  CHECK(found[0].is_official);
  CHECK(found[0].description == "d");
}

TEST_CASE("a registry without a search service has a catalogue, page by page", "[registry]") {
  Fixture registry([](const FakeRequest& request) -> FakeAnswer {
    if (request.target == "/v2/") return status(200);
    nlohmann::json names = nlohmann::json::array();
    if (request.target == "/v2/_catalog?n=100") {
      for (int i = 0; i < 100; ++i)
        names.push_back("name" + std::to_string(1000 + i));
    } else if (request.target == "/v2/_catalog?n=100&last=name1099") {
      names = {"tool/a", "tool/b", "zero"};
    } else {
      return status(404);
    }
    return {200, {}, nlohmann::json{{"repositories", names}}.dump(), {}, false};
  });
  CHECK(registry.search("tool").size() == 2);
  CHECK(registry.search("tool", 1).size() == 1);
  CHECK(registry.search("name1050").at(0).name == "name1050");
  CHECK(registry.search("nothing").empty());
}

TEST_CASE("a search that fails says why", "[registry]") {
  Fixture refused([](const FakeRequest&) { return status(503); });
  CHECK_THROWS_WITH(refused.search("x"), Catch::Contains("answered 503"));
  Fixture odd([](const FakeRequest&) { return FakeAnswer{200, {}, "no JSON", {}, false}; });
  CHECK_THROWS_AS(odd.search("x"), Error);
}
