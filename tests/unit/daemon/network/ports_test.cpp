#include "daemon/network/ports.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/error.hpp"

using namespace berth;
using namespace berth::network;

namespace {

PublishedPort port(std::string address, std::uint16_t number, Protocol protocol = Protocol::kTcp) {
  return {protocol, std::move(address), number, 80};
}

std::string message_of(std::string_view inside, std::string_view address,
                       std::string_view outside) {
  try {
    parse_port_bindings(inside, address, outside);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every address collides with each address of its family") {
  PortTable table;
  table.take(port("0.0.0.0", 8080));
  CHECK_FALSE(table.is_free(port("0.0.0.0", 8080)));
  CHECK_FALSE(table.is_free(port("127.0.0.1", 8080)));
  CHECK(table.is_free(port("::", 8080)));
  CHECK(table.is_free(port("::1", 8080)));
  CHECK(table.is_free(port("0.0.0.0", 8081)));
  CHECK(table.is_free(port("0.0.0.0", 8080, Protocol::kUdp)));
}

TEST_CASE("one address leaves the others free") {
  PortTable table;
  table.take(port("192.0.2.1", 8080));
  CHECK_FALSE(table.is_free(port("192.0.2.1", 8080)));
  CHECK_FALSE(table.is_free(port("0.0.0.0", 8080)));
  CHECK(table.is_free(port("192.0.2.2", 8080)));
  table.take(port("192.0.2.2", 8080));
  table.give_back(port("192.0.2.1", 8080));
  table.give_back(port("192.0.2.1", 8080));
  CHECK(table.is_free(port("192.0.2.1", 8080)));
  CHECK_FALSE(table.is_free(port("0.0.0.0", 8080)));
  table.give_back(port("192.0.2.2", 8080));
  CHECK(table.is_free(port("0.0.0.0", 8080)));
}

TEST_CASE("the ephemeral range is the host's") {
  CHECK(parse_ephemeral_range("32768\t60999\n") == PortRange{32768, 60999});
  for (const char* wrong : {"", "x", "32768", "9 8", "0 100", "1 70000"}) {
    CHECK(parse_ephemeral_range(wrong) == PortRange{49153, 65535});
  }
}

TEST_CASE("ephemeral ports come in turn and begin again") {
  EphemeralPorts ports({65533, 65535});
  CHECK(ports.size() == 3);
  for (const int expected : {65533, 65534, 65535, 65533})
    CHECK(ports.next() == expected);
}

TEST_CASE("a binding without an address means every address") {
  PortBinding binding;
  CHECK(addresses_for(binding, "") == std::vector<std::string>{"0.0.0.0", "::"});
  CHECK(addresses_for(binding, "127.0.0.1") == std::vector<std::string>{"127.0.0.1"});
  binding.host_address = "192.0.2.1";
  CHECK(addresses_for(binding, "127.0.0.1") == std::vector<std::string>{"192.0.2.1"});
  CHECK(address_and_port("::1", 80) == "[::1]:80");
  CHECK(address_and_port("0.0.0.0", 80) == "0.0.0.0:80");
}

TEST_CASE("the API's port map is read") {
  const auto one = parse_port_bindings("80/tcp", "", "8080");
  CHECK(one == std::vector<PortBinding>{{Protocol::kTcp, 80, "", 8080, 8080}});
  CHECK(parse_port_bindings("53/UDP", "::0", "") ==
        std::vector<PortBinding>{{Protocol::kUdp, 53, "::", 0, 0}});
  CHECK(parse_port_bindings("80", "127.0.0.1", "9100-9101") ==
        std::vector<PortBinding>{{Protocol::kTcp, 80, "127.0.0.1", 9100, 9101}});
  CHECK(parse_port_bindings("80-82/tcp", "", "9000-9002") ==
        std::vector<PortBinding>{{Protocol::kTcp, 80, "", 9000, 9000},
                                 {Protocol::kTcp, 81, "", 9001, 9001},
                                 {Protocol::kTcp, 82, "", 9002, 9002}});
  CHECK(parse_port_bindings("80-81/tcp", "", "").size() == 2);
}

TEST_CASE("bad port maps are refused with what is wrong") {
  CHECK(message_of("http/tcp", "", "8080").find("invalid container port \"http\"") == 0);
  CHECK(message_of("0/tcp", "", "8080").find("invalid container port \"0\"") == 0);
  CHECK(message_of("65536/tcp", "", "").find("invalid container port") == 0);
  CHECK(message_of("80/tcp", "", "808x").find("invalid host port \"808x\"") == 0);
  CHECK(message_of("80/tcp", "", "9-8").find("invalid host port \"9-8\"") == 0);
  CHECK(message_of("80/tcp", "", "-1").find("invalid host port \"-1\"") == 0);
  CHECK(message_of("80/xyz", "", "").find("invalid protocol \"xyz\"") == 0);
  CHECK(message_of("80/sctp", "", "").find("publishing sctp ports is not supported") == 0);
  CHECK(message_of("80/tcp", "localhost", "").find("invalid IP address \"localhost\"") == 0);
  CHECK(message_of("80-81/tcp", "", "1-3").find("invalid ranges of ports") == 0);
}

TEST_CASE("an endpoint is the same after a stay on disk") {
  Endpoint endpoint;
  endpoint.id = EndpointId("e1");
  endpoint.network_id = NetworkId("n1");
  endpoint.network = "bridge";
  endpoint.container = ContainerId("c1");
  endpoint.container_name = "web";
  endpoint.address = "172.17.0.2";
  endpoint.prefix_length = 16;
  endpoint.gateway = "172.17.0.1";
  endpoint.mac = "02:42:ac:11:00:02";
  endpoint.veth = "veth1234567";
  endpoint.ports = {{Protocol::kTcp, "0.0.0.0", 8080, 80}, {Protocol::kUdp, "::", 53, 53}};
  const std::string text = to_json(endpoint).dump();
  CHECK(endpoint_from_json(nlohmann::json::parse(text)) == endpoint);
  CHECK_THROWS_AS(endpoint_from_json(nlohmann::json::parse(R"({"id":"e1"})")), Error);
  CHECK_THROWS_AS(endpoint_from_json(nlohmann::json::parse("[]")), Error);
}
