#include "daemon/network/firewall_rules.hpp"

#include <catch2/catch.hpp>

using namespace berth;
using namespace berth::network;

namespace {

RuleSettings settings() {
  return {{{"docker0", "172.17.0.0/16", true, true, false}}, false};
}

Endpoint endpoint(std::string address, std::vector<PublishedPort> ports) {
  Endpoint made;
  made.id = EndpointId(address);
  made.address = std::move(address);
  made.bridge = "docker0";
  made.ports = std::move(ports);
  return made;
}

Endpoint web() {
  return endpoint("172.17.0.2", {{Protocol::kTcp, "0.0.0.0", 8080, 80},
                                 {Protocol::kTcp, "::", 8080, 80},
                                 {Protocol::kUdp, "192.0.2.1", 53, 53},
                                 {Protocol::kTcp, "127.0.0.1", 9000, 9000}});
}

}  // namespace

TEST_CASE("all rules on a host that has none") {
  CHECK(all_rules(settings(), "", std::vector<Endpoint>{web()}) ==
        R"(*filter
:DOCKER - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-USER - [0:0]
-I FORWARD 1 -j DOCKER-USER
-I FORWARD 2 -j DOCKER-FORWARD
-A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -o docker0 -j DOCKER
-A DOCKER-FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER-FORWARD -o docker0 -j DROP
-A DOCKER-FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 -o docker0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
-A DOCKER -d 172.17.0.2/32 -o docker0 -p udp -m udp --dport 53 -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
*nat
:DOCKER - [0:0]
:DOCKER-POSTROUTING - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -j DOCKER-POSTROUTING
-A DOCKER-POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER-POSTROUTING -s 172.17.0.0/16 -o docker0 -m conntrack --ctstate DNAT -j MASQUERADE
-A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
-A DOCKER -d 192.0.2.1/32 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53
COMMIT
)");
}

TEST_CASE("what is there stays: the administrator's chain and jumps that are in place") {
  const std::string saved = R"(*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A FORWARD -j ACCEPT
COMMIT
*nat
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -j DOCKER-POSTROUTING
COMMIT
)";
  const std::string rules = all_rules(settings(), saved, {});
  CHECK(rules.find(":DOCKER-USER") == std::string::npos);
  CHECK(rules.find("FORWARD -j") == std::string::npos);
  CHECK(rules.find("-I ") == std::string::npos);
  CHECK(rules.find("-A POSTROUTING") == std::string::npos);
  CHECK(rules.find(":DOCKER-FORWARD - [0:0]") != std::string::npos);
}

TEST_CASE("jumps that somebody pushed down are lifted, once each") {
  const std::string saved = R"(*filter
-A FORWARD -j OTHER
-A FORWARD -j DOCKER-FORWARD
-A FORWARD -j DOCKER-FORWARD
-A FORWARD -j DOCKER-USER
COMMIT
)";
  const std::string rules = all_rules(settings(), saved, {});
  CHECK(
      rules.find(
          "-D FORWARD -j DOCKER-FORWARD\n-D FORWARD -j DOCKER-FORWARD\n-D FORWARD -j DOCKER-USER\n"
          "-I FORWARD 1 -j DOCKER-USER\n-I FORWARD 2 -j DOCKER-FORWARD\n") != std::string::npos);
  CHECK(rules.find("OTHER") == std::string::npos);
}

TEST_CASE("settings show in the rules") {
  RuleSettings changed = settings();
  changed.bridges[0].icc = false;
  changed.bridges[0].masquerade = false;
  changed.drop_forwarded = true;
  const std::string rules = all_rules(changed, "", {});
  CHECK(rules.find("-i docker0 -o docker0 -j DROP") != std::string::npos);
  CHECK(rules.find("-A DOCKER -i docker0 -j RETURN\n") != std::string::npos);
  CHECK(rules.find("! -o docker0 -j MASQUERADE") == std::string::npos);
  CHECK(rules.find(":FORWARD DROP [0:0]") != std::string::npos);
}

TEST_CASE("of several networks, none leads into another") {
  const RuleSettings several{{{"docker0", "172.17.0.0/16"},
                              {"br-one", "172.18.0.0/16", false, false, false},
                              {"br-two", "172.19.0.0/16", true, true, true}},
                             false};
  const std::string rules = all_rules(several, "", {});
  // Every way in is closed before the first way out opens.
  CHECK(rules.rfind(" -j DROP\n") < rules.find("-i docker0 ! -o docker0 -j ACCEPT"));
  CHECK(rules.find("! -i br-two -o br-two -j DROP") < rules.find("-o docker0 -m conntrack"));
  CHECK(rules.find("-i br-two ! -o br-two -j DROP") < rules.find("-o docker0 -m conntrack"));
  CHECK(rules.find("-s 172.18.0.0/16 ! -o br-one -j MASQUERADE") == std::string::npos);
  CHECK(rules.find("-s 172.19.0.0/16") == std::string::npos);
  CHECK(rules.find("-A DOCKER -i br-one -j RETURN") != std::string::npos);
  CHECK(rules.find("-A DOCKER -i docker0 -j RETURN") == std::string::npos);
}

TEST_CASE("a change says only what changes") {
  CHECK(changed_rules(std::vector<Endpoint>{web()},
                      std::vector<Endpoint>{
                          endpoint("172.17.0.3", {{Protocol::kTcp, "0.0.0.0", 8081, 80},
                                                  {Protocol::kTcp, "0.0.0.0", 8082, 80}})}) ==
        R"(*filter
-D DOCKER -d 172.17.0.2/32 -o docker0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
-D DOCKER -d 172.17.0.2/32 -o docker0 -p udp -m udp --dport 53 -m conntrack --ctstate DNAT -j ACCEPT
-A DOCKER -d 172.17.0.3/32 -o docker0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
*nat
-D DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
-D DOCKER -d 192.0.2.1/32 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53
-A DOCKER -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.3:80
-A DOCKER -p tcp -m tcp --dport 8082 -j DNAT --to-destination 172.17.0.3:80
COMMIT
)");
}

TEST_CASE("what needs no rule makes no transaction") {
  const Endpoint local = endpoint(
      "172.17.0.2", {{Protocol::kTcp, "127.0.0.1", 80, 80}, {Protocol::kTcp, "::", 80, 80}});
  CHECK_FALSE(needs_rules(local));
  CHECK(changed_rules({}, std::vector<Endpoint>{local}).empty());
  CHECK(needs_rules(web()));
}
