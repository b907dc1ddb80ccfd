#include "daemon/http/router.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/http/status.hpp"

using namespace berth;
using namespace berth::http;
using Catch::Matchers::Contains;

namespace {

class Table {
 public:
  void add(const std::string& method, const std::string& pattern) {
    router_.add(method, pattern, [](Exchange&) { return nothing(); });
  }
  std::map<std::string, std::string, std::less<>> parameters(const std::string& path,
                                                             const std::string& method = "GET") {
    return router_.find(method, path).parameters;
  }
  bool has(const std::string& path, const std::string& method = "GET") {
    try {
      return router_.find(method, path).handler != nullptr;
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::kNotFound);
      CHECK(std::string(error.what()) == "page not found");
      return false;
    }
  }

 private:
  static Task<> nothing() { co_return; }
  Router router_;
};

}  // namespace

TEST_CASE("patterns match whole paths", "[http]") {
  Table table;
  table.add("GET", "/containers/json");
  table.add("GET", "/containers/{id}/json");
  table.add("DELETE", "/containers/{id}");
  CHECK(table.has("/containers/json"));
  CHECK(table.parameters("/containers/json").empty());
  CHECK(table.parameters("/containers/abc/json").at("id") == "abc");
  CHECK(table.parameters("/containers/abc", "DELETE").at("id") == "abc");
  CHECK_FALSE(table.has("/containers/abc"));
  CHECK_FALSE(table.has("/containers/json", "POST"));
  CHECK_FALSE(table.has("/containers"));
  CHECK_FALSE(table.has("/containers//json"));
  CHECK_FALSE(table.has("/containers/abc/json/more"));
  CHECK_FALSE(table.has("/"));
  CHECK_FALSE(table.has(""));
}

TEST_CASE("names of images take slashes", "[http]") {
  Table table;
  table.add("GET", "/images/json");
  table.add("GET", "/images/{name...}/json");
  table.add("DELETE", "/images/{name...}");
  CHECK(table.parameters("/images/busybox/json").at("name") == "busybox");
  CHECK(table.parameters("/images/host:5000/a/b:v1/json").at("name") == "host:5000/a/b:v1");
  CHECK(table.parameters("/images/a/json/json").at("name") == "a/json");
  CHECK(table.parameters("/images/json").empty());
  CHECK(table.parameters("/images/a/b", "DELETE").at("name") == "a/b");
  CHECK_FALSE(table.has("/images//json"));
}

TEST_CASE("every kind of error has its status", "[http]") {
  CHECK(status_of(ErrorKind::kInvalidArgument) == 400);
  CHECK(status_of(ErrorKind::kUnauthorized) == 401);
  CHECK(status_of(ErrorKind::kForbidden) == 403);
  CHECK(status_of(ErrorKind::kNotFound) == 404);
  CHECK(status_of(ErrorKind::kConflict) == 409);
  CHECK(status_of(ErrorKind::kNotModified) == 304);
  CHECK(status_of(ErrorKind::kTooLarge) == 413);
  CHECK(status_of(ErrorKind::kUnavailable) == 503);
  CHECK(status_of(ErrorKind::kNotImplemented) == 501);
  CHECK(status_of(ErrorKind::kInternal) == 500);
  CHECK(reason(404) == "Not Found");
}

TEST_CASE("a path may name a version of the API", "[http]") {
  CHECK(split_version("/v1.22/info") == std::pair{ApiVersion{1, 22}, std::string_view("/info")});
  CHECK(split_version("/v1.50/a/b") == std::pair{ApiVersion{1, 50}, std::string_view("/a/b")});
  CHECK(split_version("/info") == std::pair{kCurrentVersion, std::string_view("/info")});
  CHECK(split_version("/volumes") == std::pair{kCurrentVersion, std::string_view("/volumes")});
  CHECK(split_version("/v1.x/a").second == "/v1.x/a");
  CHECK(split_version("/v1.41").second == "/");
  CHECK_THROWS_WITH(split_version("/v1.99/info"),
                    "client version 1.99 is too new. Maximum supported API version is 1.50");
  CHECK_THROWS_WITH(
      split_version("/v1.10/info"),
      "client version 1.10 is too old. Minimum supported API version is 1.22, please upgrade your "
      "client to a newer version");
  CHECK_THROWS_WITH(split_version("/v2.0/info"), Contains("too new"));
}
