// What is read from headers, URLs and the administrator's settings; no sockets.
#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/registry/challenge.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/registry/endpoint.hpp"

using namespace berth;
using namespace berth::registry;

TEST_CASE("credentials are read from X-Registry-Auth", "[registry]") {
  CHECK(parse_registry_auth("").empty());
  CHECK(parse_registry_auth("e30=").empty());
  CHECK(parse_registry_auth("bnVsbA==").empty());
  // {"username":"ann","password":"s~cret?>"} in both alphabets
  const auto text = GENERATE("eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoic35jcmV0Pz4ifQ==",
                             "eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoic35jcmV0Pz4ifQ");
  const Credentials credentials = parse_registry_auth(text);
  CHECK(credentials.username == "ann");
  CHECK(credentials.password == "s~cret?>");
  CHECK(basic_authorization("ann", "s~cret?>") == "Basic YW5uOnN+Y3JldD8+");
}

TEST_CASE("a broken X-Registry-Auth is refused without being repeated", "[registry]") {
  // not base64; not JSON; a list; a number as user name; "auth" without a colon
  const auto text =
      GENERATE("***secret***", "c2VjcmV0", "W10=", "eyJ1c2VybmFtZSI6NX0=", "eyJhdXRoIjoiWVdKaiJ9");
  try {
    parse_registry_auth(text);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
    CHECK(std::string(error.what()).find(text) == std::string::npos);
  }
}

TEST_CASE("challenges are taken apart", "[registry]") {
  const auto challenges = parse_challenges(
      R"(Bearer realm="https://auth.example/token?a=b,c",service="reg \"x\"" , scope=pull, BASIC Realm="y")");
  REQUIRE(challenges.size() == 2);
  CHECK(challenges[0].scheme == "bearer");
  CHECK(challenges[0].parameters.at("realm") == "https://auth.example/token?a=b,c");
  CHECK(challenges[0].parameters.at("service") == "reg \"x\"");
  CHECK(challenges[0].parameters.at("scope") == "pull");
  CHECK(challenges[1].scheme == "basic");
  CHECK(challenges[1].parameters.at("realm") == "y");
}

TEST_CASE("a broken challenge ends the list without harm", "[registry]") {
  CHECK(parse_challenges("").empty());
  CHECK(parse_challenges("=,=").empty());
  CHECK(parse_challenges("realm=\"x\"").empty());
  CHECK(parse_challenges("Bearer realm=\"open").at(0).parameters.at("realm") == "open");
  CHECK(parse_challenges("Bearer realm=\"a\\").size() == 1);
}

TEST_CASE("URLs are taken apart and resolved", "[registry]") {
  const Url url = parse_url("https://Reg.Example:5000/a/b?c=d%20e");
  CHECK(url.host == "reg.example");
  CHECK(url.port == "5000");
  CHECK(url.target == "/a/b?c=d%20e");
  CHECK(url.authority() == "reg.example:5000");
  CHECK(resolve_url(url, "/x?y").str() == "https://reg.example:5000/x?y");
  CHECK(resolve_url(url, "http://other/z").str() == "http://other/z");
  CHECK(resolve_url(url, "//cdn.example/q").str() == "https://cdn.example/q");
  CHECK(parse_url("http://[::1]:80/").authority() == "[::1]");
  CHECK(encode_query("repository:a/b:pull,push") == "repository%3Aa%2Fb%3Apull%2Cpush");
}

TEST_CASE("what is no URL is refused", "[registry]") {
  const auto text = GENERATE("", "ftp://x/", "https://", "https:///path", "x", "http://a b/",
                             "http://a/\r\nX: y", "http://a:99999999999/");
  CHECK_THROWS_AS(parse_url(text), Error);
}

TEST_CASE("Docker Hub and its mirrors", "[registry]") {
  Options options;
  options.mirrors = {"https://mirror.example/cache/", "http://127.0.0.1:5001"};
  const auto endpoints = pull_endpoints(options, "docker.io");
  REQUIRE(endpoints.size() == 3);
  CHECK(endpoints[0].base.str() == "https://mirror.example/cache");
  CHECK(endpoints[0].mirror);
  CHECK(endpoints[0].verify);
  CHECK_FALSE(endpoints[1].verify);
  CHECK(endpoints[2].base.str() == "https://registry-1.docker.io");
  CHECK_FALSE(endpoints[2].mirror);
  CHECK(endpoints[2].verify);
}

TEST_CASE("plain http is for insecure registries alone", "[registry]") {
  Options options;
  options.insecure_registries = {"reg.example:5000", "10.1.0.0/16", "fd00::/8"};
  CHECK(pull_endpoints(options, "reg.example").size() == 1);
  CHECK(pull_endpoints(options, "quay.io").front().verify);
  const auto endpoints = pull_endpoints(options, "reg.example:5000");
  REQUIRE(endpoints.size() == 2);
  CHECK(endpoints[0].base.tls);
  CHECK_FALSE(endpoints[0].verify);
  CHECK(endpoints[1].base.str() == "http://reg.example:5000");
  for (const char* registry :
       {"127.0.0.1", "127.8.9.1:5000", "localhost:1", "[::1]:5000", "10.1.2.3:80", "[fd00::5]:1"}) {
    CHECK(is_insecure(options, registry));
  }
  for (const char* registry : {"10.2.0.1", "128.0.0.1", "localhost.example", "[fe80::1]"}) {
    CHECK_FALSE(is_insecure(options, registry));
  }
}

TEST_CASE("a registry is a host, nothing else", "[registry]") {
  const auto name = GENERATE("a/b", "user@host", "..", "host:port", "host?x", "a b");
  CHECK_THROWS_AS(pull_endpoints(Options{}, name), Error);
}

TEST_CASE("NO_PROXY keeps hosts from the proxy", "[registry]") {
  ProxySettings proxies{"proxy:3128", "http://user:pw@proxy:3129",
                        "corp.example, .sub.example,10.0.0.0/8,*.wild.example,port.example:8443"};
  const auto proxy = [&](const char* url) { return proxy_for(proxies, parse_url(url)); };
  CHECK(proxy("http://example.com/") == "http://proxy:3128");
  CHECK(proxy("https://example.com/") == "http://user:pw@proxy:3129");
  for (const char* url :
       {"https://corp.example/", "https://a.corp.example/", "https://x.sub.example/",
        "http://10.9.8.7/", "https://a.wild.example/", "https://port.example:8443/",
        "http://127.0.0.1:5000/", "http://localhost/"}) {
    CHECK(proxy(url).empty());
  }
  for (const char* url : {"https://sub.example/", "https://mycorp.example/", "http://11.0.0.1/",
                          "https://port.example/"}) {
    CHECK_FALSE(proxy(url).empty());
  }
  proxies.no_proxy = "*";
  CHECK(proxy("https://example.com/").empty());
}
