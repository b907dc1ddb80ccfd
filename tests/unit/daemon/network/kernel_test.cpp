// The room on a real kernel. Needs root; run with `unit_daemon_network "[.root]"`.
#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/network/bridge.hpp"
#include "daemon/network/veth.hpp"
#include "kernel_world.hpp"

using namespace berth;
using namespace berth::network;
using Catch::Matchers::Contains;

namespace {

std::vector<PortBinding> published(std::uint16_t host, std::uint16_t container = 80,
                                   const std::string& address = "",
                                   Protocol protocol = Protocol::kTcp) {
  return {PortBinding{protocol, container, address, host, host}};
}

/// A neighbour on 198.51.100.0/24, where the host has .1; it routes everything through the host.
Fd make_neighbour() {
  ensure_bridge({"uplink", Subnet::parse("198.51.100.1/24", "test"), false, 1500});
  Fd there = new_namespace();
  Cable cable;
  cable.bridge = "uplink";
  cable.name = "uplink0";
  cable.mac = "02:42:c6:33:64:02";
  cable.address = Subnet::parse("198.51.100.2/24", "test");
  cable.gateway = Ipv4::parse("198.51.100.1").value();
  lay_cable(cable, there.get());
  return there;
}

struct Box {
  Reservation reservation;
  Fd there = new_namespace();
  Fd server = listen_in(there, 80, SOCK_STREAM);
  const Endpoint& endpoint() const { return reservation.endpoint; }
};

Box run_box(Daemon& daemon, const std::string& name, std::vector<PortBinding> ports = {}) {
  Box box{daemon.reserve(name, std::move(ports))};
  daemon.attach(box.endpoint(), box.there);
  return box;
}

Error error_of(Daemon& daemon, const std::string& name, std::vector<PortBinding> ports) {
  try {
    daemon.reserve(name, std::move(ports));
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error");
  throw std::logic_error("unreachable");
}

std::string rules_of_nat() {
  return shell("iptables -t nat -S DOCKER");
}

}  // namespace

TEST_CASE("the bridge is made, and taken when it is there", "[.root]") {
  const OwnHost host;
  write_existing("/proc/sys/net/ipv4/ip_forward", "0\n");
  Daemon(Settings{}).up();
  CHECK_THAT(shell("ip -4 -o address show docker0"),
             Contains("inet 172.17.0.1/16 brd 172.17.255.255"));
  CHECK(read_file("/proc/sys/net/ipv4/ip_forward") == "1\n");
  CHECK_THAT(shell("iptables -S FORWARD"), Contains("-P FORWARD DROP"));
  const std::string rules = shell("iptables-save | grep -v '^[#:]'");
  const std::string mac = shell("ip -o link show docker0 | grep -o 'link/ether [^ ]*'");
  CHECK_THAT(mac, Catch::Matchers::StartsWith("link/ether 02:42:"));

  Daemon(Settings{}).up();
  CHECK(shell("ip -o link show docker0 | grep -o 'link/ether [^ ]*'") == mac);
  CHECK(shell("iptables-save | grep -v '^[#:]'") == rules);

  Settings moved;
  moved.bip = "192.0.2.1/24";
  moved.mtu = 1400;
  Daemon(moved).up();
  CHECK_THAT(shell("ip -4 -o address show docker0"),
             Contains("192.0.2.1/24") && !Contains("172.17"));
  CHECK_THAT(shell("iptables-save"), Contains("-s 192.0.2.0/24") && !Contains("172.17"));
  // Without bip the address that is there is taken.
  Daemon kept;
  kept.up();
  CHECK(kept.service().host_gateway() == "192.0.2.1");
  CHECK(kept.reserve("a").endpoint.address == "192.0.2.2");
}

TEST_CASE("an interface that is no bridge is not taken for one", "[.root]") {
  const OwnHost host;
  shell("ip link add docker0 type veth peer name other");
  Daemon daemon;
  CHECK_THROWS_WITH(daemon.run(daemon.service().start()),
                    Contains("cannot use the interface docker0 as a bridge"));
}

TEST_CASE("a host that forwards already keeps its policy", "[.root]") {
  const OwnHost host;
  write_existing("/proc/sys/net/ipv4/ip_forward", "1\n");
  Daemon(Settings{}).up();
  CHECK_THAT(shell("iptables -S FORWARD"), Contains("-P FORWARD ACCEPT"));
}

TEST_CASE("a container gets its interface", "[.root]") {
  const OwnHost host;
  Daemon daemon;
  daemon.up();
  const Box box = run_box(daemon, "a");
  CHECK_THAT(shell_in(box.there, "ip -o address show eth0"),
             Contains("inet 172.17.0.2/16 brd 172.17.255.255") && !Contains("inet6"));
  CHECK_THAT(shell_in(box.there, "ip link show eth0"),
             Contains("02:42:ac:11:00:02") && Contains("state UP"));
  CHECK_THAT(shell_in(box.there, "ip route"), Contains("default via 172.17.0.1 dev eth0"));
  CHECK_THAT(shell("ip link show master docker0"), Contains(box.endpoint().veth));
  CHECK(reaches(nullptr, "172.17.0.2", 80, box.server));
  const Box other = run_box(daemon, "b");
  CHECK(reaches(&other.there, "172.17.0.2", 80, box.server));
  CHECK(rules_of_nat() == "-N DOCKER\n");
}

TEST_CASE("published ports are reached from everywhere, and nothing else is", "[.root]") {
  const OwnHost host;
  const Fd neighbour = make_neighbour();
  Daemon daemon;
  daemon.up();
  const Box box = run_box(daemon, "web", published(8080));
  const Box other = run_box(daemon, "other");
  const Fd unpublished = listen_in(box.there, 81, SOCK_STREAM);

  const Fd connection = connect_from(&neighbour, "198.51.100.1", 8080, SOCK_STREAM);
  CHECK(connection);
  CHECK(accept_peer(box.server) == "198.51.100.2");
  for (const char* address : {"198.51.100.1", "172.17.0.1"}) {
    CAPTURE(address);
    CHECK(reaches(nullptr, address, 8080, box.server));
    CHECK(reaches(&other.there, address, 8080, box.server));
    CHECK(reaches(&box.there, address, 8080, box.server));
  }
  // 127.0.0.1 is the shim's to forward: the connection waits at the listener.
  const Fd local = connect_from(nullptr, "127.0.0.1", 8080, SOCK_STREAM);
  CHECK(local);
  CHECK(accept_peer(box.reservation.listeners.front().socket) == "127.0.0.1");
  // Straight to the container's address: neither what is published nor what is not.
  CHECK_FALSE(connect_from(&neighbour, "172.17.0.2", 80, SOCK_STREAM));
  CHECK_FALSE(connect_from(&neighbour, "172.17.0.2", 81, SOCK_STREAM));
  CHECK_FALSE(connect_from(&neighbour, "198.51.100.1", 81, SOCK_STREAM));
}

TEST_CASE("containers go out under the host's address", "[.root]") {
  const OwnHost host;
  const Fd neighbour = make_neighbour();
  const Fd server = listen_in(neighbour, 7777, SOCK_STREAM);
  Daemon daemon;
  daemon.up();
  const Box box = run_box(daemon, "a");
  const Fd connection = connect_from(&box.there, "198.51.100.2", 7777, SOCK_STREAM);
  CHECK(connection);
  CHECK(accept_peer(server) == "198.51.100.1");
}

TEST_CASE("a port on one address is on no other", "[.root]") {
  const OwnHost host;
  const Fd neighbour = make_neighbour();
  Daemon daemon;
  daemon.up();
  const Box local = run_box(daemon, "local", published(8080, 80, "127.0.0.1"));
  CHECK(rules_of_nat() == "-N DOCKER\n");
  CHECK_FALSE(connect_from(&neighbour, "198.51.100.1", 8080, SOCK_STREAM));
  const Box near = run_box(daemon, "near", published(8080, 80, "198.51.100.1"));
  CHECK(reaches(&neighbour, "198.51.100.1", 8080, near.server));
  CHECK_FALSE(connect_from(&local.there, "172.17.0.1", 8080, SOCK_STREAM));
}

TEST_CASE("ports that are taken are refused in dockerd's words", "[.root]") {
  const OwnHost host;
  Daemon daemon;
  daemon.up();
  const Box first = run_box(daemon, "first", published(8080));
  const Error allocated = error_of(daemon, "second", published(8080));
  CHECK(allocated.kind() == ErrorKind::kConflict);
  CHECK_THAT(allocated.what(),
             Contains("driver failed programming external connectivity on endpoint second (") &&
                 Contains("Bind for 0.0.0.0:8080 failed: port is already allocated"));
  CHECK_THAT(error_of(daemon, "second", published(8080, 80, "127.0.0.1")).what(),
             Contains("Bind for 127.0.0.1:8080 failed: port is already allocated"));

  const Fd program = [] {
    Fd fd = own_fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(9090);
    check_errno(bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)), "bind");
    check_errno(listen(fd.get(), 1), "listen");
    return fd;
  }();
  const Error in_use = error_of(daemon, "second", published(9090));
  CHECK(in_use.kind() == ErrorKind::kConflict);
  CHECK_THAT(in_use.what(),
             Contains("failed to bind port 0.0.0.0:9090/tcp: address already in use"));
  CHECK_THAT(error_of(daemon, "second", published(9091, 80, "192.0.2.77")).what(),
             Contains("failed to bind port 192.0.2.77:9091/tcp: cannot assign requested address"));
  // The same number of the other protocol is free, and nothing of the refused ones was kept.
  CHECK(daemon.reserve("udp", published(9090, 53, "", Protocol::kUdp)).listeners.size() == 2);
  CHECK(daemon.reserve("after").endpoint.address == "172.17.0.4");
  // Two sockets that may not share a UDP port.
  CHECK_THROWS_WITH(daemon.reserve("udp2", published(9090, 53, "", Protocol::kUdp)),
                    Contains("already allocated"));
}

TEST_CASE("ranges and ephemeral ports pass over what is taken", "[.root]") {
  const OwnHost host;
  write_existing("/proc/sys/net/ipv4/ip_local_port_range", "40000 40002\n");
  Daemon daemon;
  daemon.up();
  const Fd taken = listen_in(new_namespace(), 1, SOCK_STREAM);
  const Reservation first = daemon.reserve("a", {PortBinding{Protocol::kTcp, 80, "", 9100, 9101}});
  const Reservation second = daemon.reserve("b", {PortBinding{Protocol::kTcp, 80, "", 9100, 9101}});
  CHECK(first.endpoint.ports.front().host_port == 9100);
  CHECK(second.endpoint.ports.front().host_port == 9101);
  CHECK_THAT(
      error_of(daemon, "c", {PortBinding{Protocol::kTcp, 80, "", 9100, 9101}}).what(),
      Contains("Bind for 0.0.0.0:9100-9101 failed: every port of the range is already allocated"));
  std::vector<Reservation> any;
  for (int i = 0; i < 3; ++i)
    any.push_back(daemon.reserve("e", {PortBinding{Protocol::kTcp, 80, "", 0, 0}}));
  CHECK(any[2].endpoint.ports.front().host_port == 40002);
  CHECK_THAT(error_of(daemon, "e", {PortBinding{Protocol::kTcp, 80, "", 0, 0}}).what(),
             Contains("all ephemeral ports from 40000 to 40002 are allocated"));
  // One that comes back is found again.
  const Endpoint gone = any[1].endpoint;
  any[1] = Reservation{};
  daemon.release(gone);
  CHECK(daemon.reserve("e", {PortBinding{Protocol::kTcp, 80, "", 0, 0}})
            .endpoint.ports.front()
            .host_port == 40001);
}

TEST_CASE("what is released is free at once, even while the old network lives on", "[.root]") {
  const OwnHost host;
  Daemon daemon;
  daemon.up();
  const Box first = run_box(daemon, "first");
  CHECK(reaches(nullptr, "172.17.0.2", 80, first.server));
  daemon.release(first.endpoint());
  daemon.release(first.endpoint());
  CHECK_THROWS_WITH(daemon.attach(first.endpoint(), first.there), Contains("was released"));
  // The first one's namespace is still there, with the same address and MAC address in it.
  const Box second = run_box(daemon, "second", published(8080));
  CHECK(second.endpoint().address == "172.17.0.2");
  CHECK(reaches(nullptr, "172.17.0.2", 80, second.server));
  CHECK_FALSE(connect_from(&first.there, "172.17.0.1", 8080, SOCK_STREAM));
  // Its cable is removed in the end.
  CHECK(daemon.eventually([&] { return list_cables("docker0").size() == 1; }));
}

TEST_CASE("a published port is free at once, its address when the rules are gone", "[.root]") {
  const OwnHost host;
  Settings settings;
  settings.bip = "192.0.2.1/29";
  settings.fixed_cidr = "192.0.2.4/31";
  Daemon daemon(settings);
  daemon.up();
  Box first = run_box(daemon, "first", published(8080));
  first.reservation.listeners.clear();
  daemon.release(first.endpoint());
  const Box second = run_box(daemon, "second", published(8080));
  CHECK(second.endpoint().address == "192.0.2.5");
  CHECK(reaches(nullptr, "192.0.2.1", 8080, second.server));
  CHECK(daemon.eventually([] { return rules_of_nat().find("192.0.2.4") == std::string::npos; }));
  // With no other address left the next one waits for it.
  Box third = run_box(daemon, "third", published(8081));
  CHECK(third.endpoint().address == "192.0.2.4");
  third.reservation.listeners.clear();
  daemon.release(third.endpoint());
  const Box fourth = run_box(daemon, "fourth");
  CHECK(fourth.endpoint().address == "192.0.2.4");
  CHECK(rules_of_nat().find("192.0.2.4") == std::string::npos);
  CHECK_THROWS_WITH(daemon.reserve("fifth"), Contains("no available IPv4 addresses"));
}

TEST_CASE("a daemon that was killed leaves what the next one clears", "[.root]") {
  const OwnHost host;
  const Fd neighbour = make_neighbour();
  std::vector<Box> boxes;
  {
    Daemon killed;
    killed.up();
    for (const std::uint16_t port : std::vector<std::uint16_t>{8081, 8082, 8083})
      boxes.push_back(run_box(killed, "box", published(port)));
  }
  // A cable of somebody else's, and a rule of the administrator's.
  shell(
      "ip link add vethabcdef0 type veth peer name foreign && ip link set vethabcdef0 master "
      "docker0");
  shell("iptables -A DOCKER-USER -d 203.0.113.1 -j DROP");
  shell(
      "iptables -t nat -A DOCKER -p tcp -m tcp --dport 9999 -j DNAT --to-destination 172.17.0.9:9");

  Daemon next;
  next.run(next.service().start());
  next.service().adopt(boxes[1].endpoint());
  CHECK_THROWS_AS(next.service().adopt(boxes[1].endpoint()), Error);
  // Until its leavings are cleared everything goes on as it was.
  CHECK(reaches(&neighbour, "198.51.100.1", 8081, boxes[0].server));
  // The shims of the other two are dead.
  for (const std::size_t dead : {std::size_t{0}, std::size_t{2}})
    boxes[dead].reservation.listeners.clear();
  next.run(next.service().clear_leavings());

  const std::vector<std::string> live{boxes[1].endpoint().veth};
  CHECK(next.eventually([&] { return list_cables("docker0") == live; }));
  CHECK_THAT(shell("ip link show vethabcdef0"), Contains("master docker0"));
  CHECK(rules_of_nat() ==
        "-N DOCKER\n-A DOCKER -p tcp -m tcp --dport 8082 -j DNAT --to-destination 172.17.0.3:80\n");
  CHECK_THAT(shell("iptables -S DOCKER-USER"), Contains("203.0.113.1"));
  CHECK(reaches(&neighbour, "198.51.100.1", 8082, boxes[1].server));
  CHECK_FALSE(connect_from(&neighbour, "198.51.100.1", 8083, SOCK_STREAM));
  CHECK_THROWS_WITH(next.reserve("x", published(8082)), Contains("port is already allocated"));
  CHECK(next.reserve("x").endpoint.address == "172.17.0.2");
  CHECK(next.reserve("y").endpoint.address == "172.17.0.4");
  next.release(boxes[1].endpoint());
  CHECK(next.eventually([] { return rules_of_nat() == "-N DOCKER\n"; }));
}

TEST_CASE("rules that somebody took away come back with the next change", "[.root]") {
  const OwnHost host;
  const Fd neighbour = make_neighbour();
  Daemon daemon;
  daemon.up();
  const Box first = run_box(daemon, "first", published(8081));
  const Box second = run_box(daemon, "second", published(8082));
  shell("iptables -F; iptables -X; iptables -t nat -F; iptables -t nat -X");
  daemon.release(first.endpoint());
  CHECK(daemon.eventually(
      [] { return shell("iptables-save").find("--dport 8082") != std::string::npos; }));
  CHECK(reaches(&neighbour, "198.51.100.1", 8082, second.server));
  CHECK_FALSE(connect_from(&neighbour, "172.17.0.3", 80, SOCK_STREAM));
}

TEST_CASE("datagrams of an old client do not reach the address's next owner", "[.root]") {
  const OwnHost host;
  const Fd neighbour = make_neighbour();
  Daemon daemon;
  daemon.up();
  Box first = run_box(daemon, "first", published(5353, 53, "198.51.100.1", Protocol::kUdp));
  const Fd server = listen_in(first.there, 53, SOCK_DGRAM);
  const Fd client = connect_from(&neighbour, "198.51.100.1", 5353, SOCK_DGRAM);
  const auto arrives = [&client](const Fd& at) {
    char byte = 'x';
    if (send(client.get(), &byte, 1, 0) != 1) return false;
    pollfd entry{at.get(), POLLIN, 0};
    return poll(&entry, 1, 300) == 1;
  };
  CHECK(arrives(server));
  first.reservation.listeners.clear();
  daemon.release(first.endpoint());
  // The next owner of its address, as soon as that is free.
  std::optional<Box> second;
  REQUIRE(daemon.eventually([&] {
    second = run_box(daemon, "second");
    return second->endpoint().address == first.endpoint().address;
  }));
  CHECK_FALSE(arrives(listen_in(second->there, 53, SOCK_DGRAM)));
}

TEST_CASE("many publish, and many end, at once", "[.root]") {
  const OwnHost host;
  const Fd neighbour = make_neighbour();
  Daemon daemon;
  daemon.up();
  std::vector<Box> boxes;
  std::vector<Task<>> tasks;
  for (std::uint16_t i = 0; i < 12; ++i) {
    boxes.push_back({daemon.reserve("box", published(static_cast<std::uint16_t>(8000 + i)))});
  }
  for (const Box& box : boxes)
    tasks.push_back(daemon.service().attach(box.endpoint(), box.there.duplicate()));
  daemon.run_all(std::exchange(tasks, {}));
  for (std::uint16_t i = 0; i < 12; ++i) {
    CHECK(
        reaches(&neighbour, "198.51.100.1", static_cast<std::uint16_t>(8000 + i), boxes[i].server));
  }
  // All but the last; one that has not been attached, and so may not be published yet, among them.
  const Reservation early = daemon.reserve("early", published(9000));
  tasks.push_back(daemon.service().release(early.endpoint));
  for (std::size_t i = 0; i < 11; ++i) {
    tasks.push_back(daemon.service().release(boxes[i].endpoint()));
    tasks.push_back(daemon.service().release(boxes[i].endpoint()));
  }
  daemon.run_all(std::exchange(tasks, {}));
  const std::string left =
      "-N DOCKER\n-A DOCKER -p tcp -m tcp --dport 8011 -j DNAT --to-destination 172.17.0.13:80\n";
  CHECK(daemon.eventually([&left] { return rules_of_nat() == left; }));
  CHECK(daemon.service().list().front().endpoints.size() == 1);
}

TEST_CASE("without icc containers reach the host and not each other", "[.root]") {
  const OwnHost host;
  Settings settings;
  settings.icc = false;
  Daemon daemon(settings);
  daemon.up();
  const Box first = run_box(daemon, "first", published(8080));
  const Box second = run_box(daemon, "second");
  CHECK(reaches(nullptr, "172.17.0.2", 80, first.server));
  CHECK_FALSE(connect_from(&second.there, "172.17.0.2", 80, SOCK_STREAM));
  // By way of the shim.
  CHECK(reaches(&second.there, "172.17.0.1", 8080, first.reservation.listeners.front().socket));
}

TEST_CASE("without iptables nothing starts, unless that is wanted", "[.root]") {
  const OwnHost host;
  const std::string path = std::getenv("PATH");
  Daemon daemon;
  daemon.run(daemon.service().start());
  Reservation reservation = daemon.reserve("a");
  const Fd there = new_namespace();
  setenv("PATH", "/nonexistent", 1);
  CHECK_THROWS_WITH(daemon.run(daemon.service().clear_leavings()), Contains("install iptables"));
  CHECK_THROWS_WITH(daemon.attach(reservation.endpoint, there), Contains("install iptables"));
  Settings settings;
  settings.iptables = false;
  Daemon without(settings);
  without.up();
  CHECK_NOTHROW(run_box(without, "b", published(8080)));
  CHECK(without.service().warnings().size() == 1);
  setenv("PATH", path.c_str(), 1);
  // Once it is installed the next start does what was missed.
  daemon.release(reservation.endpoint);
  CHECK_NOTHROW(run_box(daemon, "c", published(8081)));
  CHECK_THAT(shell("iptables-save"),
             Contains("-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE") && Contains("8081"));
}

TEST_CASE("a network namespace that is none fails cleanly", "[.root]") {
  const OwnHost host;
  Daemon daemon;
  daemon.up();
  const Reservation reservation = daemon.reserve("a");
  const Fd wrong = open_file("/dev/null", 0);
  CHECK_THROWS_WITH(daemon.attach(reservation.endpoint, wrong), Contains("setns"));
  daemon.release(reservation.endpoint);
  CHECK(run_box(daemon, "b").endpoint().address == "172.17.0.2");
}
