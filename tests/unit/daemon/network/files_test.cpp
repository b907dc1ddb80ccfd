#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/network/hosts.hpp"
#include "daemon/network/resolv.hpp"

using namespace berth;
using namespace berth::network;

TEST_CASE("the host's resolvers are passed on but for what a container cannot reach") {
  const std::string host =
      "# comment\n"
      "domain old.example\n"
      "nameserver 127.0.0.53\n"
      "nameserver 192.0.2.53 ; trailing\n"
      "nameserver ::1\n"
      "nameserver 2001:db8::53\n"
      "  nameserver\t198.51.100.53\r\n"
      "search a.example b.example\n"
      "options edns0 trust-ad\n"
      "options ndots:2\n"
      "sortlist 130.155.160.0\n";
  CHECK(resolv_conf(host, {}) ==
        "nameserver 192.0.2.53\n"
        "nameserver 198.51.100.53\n"
        "search a.example b.example\n"
        "options edns0 trust-ad ndots:2\n");
}

TEST_CASE("without a server that can be reached public ones are used") {
  CHECK(resolv_conf("nameserver 127.0.0.1\n", {}) == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
  CHECK(resolv_conf("", {}) == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

TEST_CASE("what the user asks for replaces what the host says, each by itself") {
  const std::string host = "nameserver 192.0.2.53\nsearch a.example\noptions edns0\n";
  CHECK(resolv_conf(host, {{"127.0.0.1", "2001:DB8::1"}, {}, {}}) ==
        "nameserver 127.0.0.1\nnameserver 2001:db8::1\nsearch a.example\noptions edns0\n");
  CHECK(resolv_conf(host, {{}, {"x.example"}, {"ndots:1", "rotate"}}) ==
        "nameserver 192.0.2.53\nsearch x.example\noptions ndots:1 rotate\n");
  CHECK(resolv_conf(host, {{}, {"."}, {}}) == "nameserver 192.0.2.53\noptions edns0\n");
}

TEST_CASE("what the user asks for cannot add lines") {
  CHECK_THROWS_AS(resolv_conf("", {{"192.0.2.1\nnameserver 1.1.1.1"}, {}, {}}), Error);
  CHECK_THROWS_AS(resolv_conf("", {{}, {"a b"}, {}}), Error);
  CHECK_THROWS_AS(resolv_conf("", {{}, {}, {"ndots:1\nsearch x"}}), Error);
  CHECK_THROWS_AS(resolv_conf("", {{}, {""}, {}}), Error);
  CHECK_THROWS_AS(check_dns_server("dns.example"), Error);
  CHECK_NOTHROW(check_dns_server("2001:db8::1"));
}

TEST_CASE("a hosts file") {
  const std::string fixed =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\n"
      "ff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  CHECK(hosts_file({}) == fixed);
  CHECK(hosts_file({{"172.17.0.2"}, "web", "", {}, ""}) == fixed + "172.17.0.2\tweb\n");
  CHECK(hosts_file({{"172.17.0.2"},
                    "web",
                    "example.org",
                    {"db:192.0.2.9", "six=[2001:db8::1]", "up:::1", "host:host-gateway"},
                    "172.17.0.1"}) == fixed +
                                          "192.0.2.9\tdb\n"
                                          "2001:db8::1\tsix\n"
                                          "::1\tup\n"
                                          "172.17.0.1\thost\n"
                                          "172.17.0.2\tweb.example.org web\n");
}

TEST_CASE("hosts entries that would say something else are refused") {
  for (const char* wrong :
       {"", "name", "name:", ":192.0.2.1", "name:not-an-address", "a b:192.0.2.1",
        "a\n192.0.2.1 b:192.0.2.1", "#a:192.0.2.1", "name:192.0.2.1 x"}) {
    CHECK_THROWS_AS(check_extra_host(wrong), Error);
  }
  CHECK_THROWS_AS(hosts_file({{"172.17.0.2"}, "we\nb", "", {}, ""}), Error);
  CHECK_THROWS_AS(hosts_file({{}, "", "", {"host:host-gateway"}, ""}), Error);
}
