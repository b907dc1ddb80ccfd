#include "daemon/network/ipam.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;
using namespace berth::network;

namespace {

Ipv4 ip(const std::string& text) {
  return Ipv4::parse(text).value();
}

AddressPool pool_of(const std::string& subnet, const std::string& range = "",
                    const std::string& gateway = "") {
  const Subnet parsed = Subnet::parse(subnet, "bip");
  return {"bridge", parsed, range.empty() ? parsed : Subnet::parse(range, "fixed-cidr"),
          gateway.empty() ? parsed.address : ip(gateway)};
}

template <typename Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("addresses are given from the lowest, without those that have a meaning") {
  AddressPool pool = pool_of("192.0.2.2/29", "", "192.0.2.4");
  std::vector<std::string> given;
  for (int i = 0; i < 4; ++i)
    given.push_back(pool.allocate().str());
  CHECK(given == std::vector<std::string>{"192.0.2.1", "192.0.2.3", "192.0.2.5", "192.0.2.6"});
  const Error error = error_of([&] { pool.allocate(); });
  CHECK(error.kind() == ErrorKind::kUnavailable);
  CHECK(std::string(error.what()) ==
        "no available IPv4 addresses on this network's address pools: bridge (192.0.2.0/29)");
}

TEST_CASE("an address that came back is given again") {
  AddressPool pool = pool_of("172.17.0.1/16");
  CHECK(pool.allocate().str() == "172.17.0.2");
  CHECK(pool.allocate().str() == "172.17.0.3");
  CHECK(pool.allocate().str() == "172.17.0.4");
  pool.give_back(ip("172.17.0.3"));
  pool.give_back(ip("172.17.0.3"));
  CHECK(pool.is_free(ip("172.17.0.3")));
  CHECK(pool.allocate().str() == "172.17.0.3");
  CHECK(pool.allocate().str() == "172.17.0.5");
}

TEST_CASE("what is never a container's cannot be given back into the pool") {
  AddressPool pool = pool_of("192.0.2.1/30");
  for (const char* fixed : {"192.0.2.0", "192.0.2.1", "192.0.2.3", "198.51.100.1"})
    pool.give_back(ip(fixed));
  CHECK(pool.allocate().str() == "192.0.2.2");
  CHECK_THROWS_AS(pool.allocate(), Error);
}

TEST_CASE("a part of the subnet may be all that is given from") {
  AddressPool pool = pool_of("192.0.2.65/26", "192.0.2.96/30");
  for (const char* expected : {"192.0.2.96", "192.0.2.97", "192.0.2.98", "192.0.2.99"}) {
    CHECK(pool.allocate().str() == expected);
  }
  CHECK_THROWS_AS(pool.allocate(), Error);
  // By name the others can be had.
  pool.take(ip("192.0.2.70"));
  CHECK_FALSE(pool.is_free(ip("192.0.2.70")));
  pool.give_back(ip("192.0.2.70"));
  CHECK_THROWS_AS(pool.allocate(), Error);
}

TEST_CASE("a certain address") {
  AddressPool pool = pool_of("172.17.0.1/16");
  pool.take(ip("172.17.0.2"));
  CHECK(pool.allocate().str() == "172.17.0.3");
  CHECK(error_of([&] { pool.take(ip("172.17.0.2")); }).kind() == ErrorKind::kConflict);
  for (const char* wrong : {"172.18.0.2", "172.17.0.1", "172.17.0.0", "172.17.255.255"}) {
    CHECK(error_of([&] { pool.take(ip(wrong)); }).kind() == ErrorKind::kInvalidArgument);
  }
}

TEST_CASE("a whole /16 can be given away") {
  AddressPool pool = pool_of("172.17.0.1/16");
  for (int i = 0; i < 65533; ++i)
    pool.allocate();
  CHECK_THROWS_AS(pool.allocate(), Error);
  pool.give_back(ip("172.17.200.200"));
  CHECK(pool.allocate().str() == "172.17.200.200");
}

TEST_CASE("pools that make no sense are refused") {
  CHECK_THROWS_AS(pool_of("172.17.0.1/31"), Error);
  CHECK_THROWS_AS(pool_of("172.17.0.1/7"), Error);
  CHECK_THROWS_AS(pool_of("172.17.0.1/16", "172.18.0.0/24"), Error);
  CHECK_THROWS_AS(pool_of("172.17.0.1/24", "172.17.0.0/16"), Error);
  CHECK_THROWS_AS(pool_of("172.17.0.1/16", "", "10.0.0.1"), Error);
}

TEST_CASE("subnets, addresses and MAC addresses as text") {
  const Subnet subnet = Subnet::parse("172.17.3.1/22", "bip");
  CHECK(subnet.network_text() == "172.17.0.0/22");
  CHECK(subnet.broadcast().str() == "172.17.3.255");
  CHECK(subnet.str() == "172.17.3.1/22");
  for (const char* wrong : {"", "172.17.0.1", "172.17.0.1/", "172.17.0.1/33", "172.17.0/16",
                            "172.17.0.1/+8", "172.17.0.1/16/2", "::1/64", "010.0.0.1/8"}) {
    CHECK_THROWS_AS(Subnet::parse(wrong, "bip"), Error);
  }
  CHECK(mac_of(ip("172.17.0.2")) == "02:42:ac:11:00:02");
  CHECK(parse_mac("02:42:AC:11:00:ff") == std::string("\x02\x42\xac\x11\x00\xff", 6));
  for (const char* wrong :
       {"", "02:42:ac:11:00", "02:42:ac:11:00:02:03", "03:42:ac:11:00:02", "00:00:00:00:00:00",
        "2:42:ac:11:00:02", "02-42-ac-11-00-02", "02:42:ac:11:00:0g"}) {
    CHECK_THROWS_AS(parse_mac(wrong), Error);
  }
  CHECK(canonical_address("2001:DB8:0:0::1") == "2001:db8::1");
  CHECK_THROWS_AS(canonical_address("localhost"), Error);
  CHECK(is_loopback("127.3.2.1"));
  CHECK(is_loopback("::1"));
  CHECK_FALSE(is_loopback("10.0.0.127"));
  CHECK(is_unspecified("::"));
  CHECK(is_unspecified("0.0.0.0"));
}
