// A container from launch to exit record through the real shim. Needs root; run by hand:
//
//   unshare --net --mount --pid --fork --mount-proc build/release/bin/unit_daemon_shim_client
//       "[.root]"
#include <fstream>
#include <iostream>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "daemon/shim/protocol.hpp"
#include "tests/unit/daemon/shim_client/shim_world.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

Fd pidfd_of(int pid) {
  return own_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open");
}

bool ends(const Fd& process) {
  pollfd entry{process.get(), POLLIN, 0};
  return ::poll(&entry, 1, 10'000) == 1;
}

int parent_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("PPid:")) return std::stoi(line.substr(5));
  return 0;
}

std::string proc_file(int pid, const char* name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string pss(int pid) {
  const std::string text = proc_file(pid, "smaps_rollup");
  const auto at = text.find("\nPss:");
  return text.substr(at + 5, text.find('\n', at + 1) - at - 5);
}

std::string read_to_end(const Fd& fd) {
  return read_all(fd.get(), "stream");
}

bool has_cgroup(ShimWorld& world) {
  const std::string path = world.fixture.oci()["linux"]["cgroupsPath"];
  return runtime::Cgroup(runtime::detect_cgroups(), path).exists();
}

}  // namespace

TEST_CASE("a container writes its log and leaves its exit code, and nothing else", "[.root]") {
  ShimWorld world;
  world.fixture.shell("echo to log; echo wrong >&2; printf cut; exit 7");
  const auto client = world.launch();
  const int pid = world.start(client);
  CHECK(pid > 0);
  const ExitRecord record = world.await(client->exited());
  CHECK(record.exit_code == 7);
  CHECK_FALSE(record.oom_killed);
  CHECK_FALSE(record.shim_lost);
  world.await(client->ended());
  const std::string log = world.log();
  CHECK(log.find(R"({"log":"to log\n","stream":"stdout","time":"2)") != std::string::npos);
  CHECK(log.find(R"({"log":"wrong\n","stream":"stderr")") != std::string::npos);
  CHECK(log.find(R"({"log":"cut","stream":"stdout")") != std::string::npos);
  CHECK(world.record().at("exit_code") == 7);
  CHECK_FALSE(std::filesystem::exists(world.socket()));
  CHECK_FALSE(has_cgroup(world));
}

TEST_CASE("what a start failed of is told with the code that a client exits with", "[.root]") {
  ShimWorld world;
  const auto [program, code] = GENERATE(table<const char*, int>({{"nothing", 127}, {"/etc", 126}}));
  world.fixture.process()["args"] = {program};
  const auto client = world.launch();
  world.await(client->created());
  try {
    world.await(client->start());
    FAIL("it started");
  } catch (const StartFailure& failure) {
    CHECK(failure.exit_code() == code);
    CHECK(std::string(failure.what()).find(program) != std::string::npos);
  }
  world.await(client->ended());
  CHECK_FALSE(std::filesystem::exists(world.socket()));
  CHECK_FALSE(has_cgroup(world));
}

TEST_CASE("a client attached before the start sees all, and its end of input is passed on",
          "[.root]") {
  ShimWorld world;
  world.fixture.document()["stdio"] = {{"open_stdin", true}, {"stdin_once", true}};
  world.fixture.shell("cat; echo end");
  const auto client = world.launch();
  world.await(client->created());
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  client->attach({true, true, true, true, "", "early "}, std::move(pair.first));
  world.await(client->start());
  write_all(pair.second.get(), "late\n", "socket");
  ::shutdown(pair.second.get(), SHUT_WR);
  CHECK(world.await(client->exited()).exit_code == 0);
  std::string output;
  const std::string frames = read_to_end(pair.second);
  for (std::size_t at = 0; at < frames.size();) {
    REQUIRE(frames[at] == 1);
    const auto length = static_cast<unsigned char>(frames[at + 7]);
    output += frames.substr(at + 8, length);
    at += 8U + length;
  }
  CHECK(output == "early late\nend\n");
}

TEST_CASE("a terminal of the asked size", "[.root]") {
  ShimWorld world;
  world.fixture.process()["terminal"] = true;
  world.fixture.process()["consoleSize"] = {{"height", 33}, {"width", 99}};
  world.fixture.shell("stty size; read x; stty size");
  const auto client = world.launch();
  world.await(client->created());
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  client->attach({true, true, true, false, "", ""}, std::move(pair.first));
  world.await(client->start());
  std::string first(7, '\0');
  REQUIRE(::recv(pair.second.get(), first.data(), first.size(), MSG_WAITALL) == 7);
  CHECK(first == "33 99\r\n");
  client->resize(44, 111);
  write_all(pair.second.get(), "\n", "socket");
  CHECK(world.await(client->exited()).exit_code == 0);
  CHECK(read_to_end(pair.second).find("44 111") != std::string::npos);
}

TEST_CASE("SIGKILL of the shim ends its container, and is told apart", "[.root]") {
  ShimWorld world;
  world.fixture.process()["args"] = {"sleep", "1000"};
  const auto client = world.launch();
  const int pid = world.start(client);
  const Fd process = pidfd_of(pid);
  REQUIRE(::kill(parent_of(pid), SIGKILL) == 0);
  const ExitRecord record = world.await(client->exited());
  CHECK(record.exit_code == 137);
  CHECK(record.shim_lost);
  CHECK(ends(process));
  world.await(client->ended());
  CHECK_THROWS_AS(client->signal(SIGTERM), Error);
  CHECK_THROWS_AS(world.reconnect(), Error);
}

TEST_CASE("a daemon that vanishes is not missed, and a later one takes over", "[.root]") {
  ShimWorld world;
  world.fixture.shell("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done");
  int pid = 0;
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  {
    const auto client = world.launch();
    world.await(client->created());
    client->attach({false, true, true, false, "", ""}, std::move(pair.first));
    pid = world.await(client->start()).pid;
  }
  world.kill_daemon();
  // From here on the shell has its trap.
  char up[3];
  REQUIRE(::recv(pair.second.get(), up, sizeof up, MSG_WAITALL) == 3);
  const auto client = world.reconnect();
  CHECK(client->state().phase == Phase::kRunning);
  CHECK(client->state().pid == pid);
  CHECK(client->state().started_at > now() - std::chrono::minutes(1));
  SECTION("which can stop it") {
    client->signal(SIGTERM);
    CHECK(world.await(client->exited()).exit_code == 3);
    CHECK(world.log().find("bye") != std::string::npos);
  }
  SECTION("which can kill it") {
    world.await(client->abandon());
    CHECK(world.await(client->exited()).exit_code == 137);
  }
  SECTION("and a third one counts more") {
    const auto newest = world.reconnect();
    CHECK(world.await(client->exited()).shim_lost);
    newest->signal(SIGTERM);
    CHECK(world.await(newest->exited()).exit_code == 3);
    world.await(newest->ended());
  }
  world.await(client->ended());
  CHECK_FALSE(std::filesystem::exists(world.socket()));
}

TEST_CASE("a container that ends while no daemon is there leaves its record", "[.root]") {
  ShimWorld world;
  world.fixture.shell("read x; exit 9");
  world.fixture.document()["stdio"] = {{"open_stdin", true}, {"stdin_once", true}};
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  Fd shim;
  {
    const auto client = world.launch();
    world.await(client->created());
    client->attach({true, true, true, true, "", ""}, std::move(pair.first));
    shim = pidfd_of(parent_of(world.await(client->start()).pid));
  }
  world.kill_daemon();
  write_all(pair.second.get(), "go\n", "socket");
  CHECK(ends(shim));
  CHECK(world.record().at("exit_code") == 9);
  CHECK_FALSE(std::filesystem::exists(world.socket()));
  CHECK_FALSE(has_cgroup(world));
  CHECK_THROWS_AS(world.reconnect(), Error);
}

TEST_CASE("without its daemon a container is not started", "[.root]") {
  ShimWorld world;
  Fd process;
  Fd shim;
  {
    const auto client = world.launch();
    const int pid = world.await(client->created()).pid;
    process = pidfd_of(pid);
    shim = pidfd_of(parent_of(pid));
  }
  world.kill_daemon();
  CHECK(ends(process));
  CHECK(ends(shim));
  CHECK_FALSE(std::filesystem::exists(world.socket()));
  CHECK_FALSE(has_cgroup(world));
}

TEST_CASE("hostile messages harm nobody", "[.root]") {
  ShimWorld world;
  world.fixture.process()["args"] = {"sleep", "1000"};
  const int pid = world.start(world.launch());
  const std::filesystem::path folder = world.socket_folder();
  Fd socket = own_fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(world.socket().native().size() < sizeof address.sun_path);
  world.socket().native().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
          0);
  Message message;
  REQUIRE(receive_message(socket.get(), message) == ReceiveStatus::kMessage);
  CHECK(message.type == "hello");
  for (const std::string bad :
       {"x", "[]", R"({"type":"dance"})", R"({"type":"signal"})",
        R"({"type":"signal","signal":-1})", R"({"type":"resize","rows":1,"columns":1})",
        R"({"type":"attach"})", R"({"type":"start"})", R"({"type":"forward","ports":[1]})",
        R"({"type":"forward","ports":{}})"}) {
    CAPTURE(bad);
    REQUIRE(::send(socket.get(), bad.data(), bad.size(), 0) > 0);
    REQUIRE(receive_message(socket.get(), message) == ReceiveStatus::kMessage);
    CHECK(message.type == "error");
  }
  send_message(socket.get(), "query", nlohmann::json::object());
  REQUIRE(receive_message(socket.get(), message) == ReceiveStatus::kMessage);
  CHECK(message.body.at("phase") == "running");
  CHECK(message.body.at("pid") == pid);
  send_message(socket.get(), "abandon", nlohmann::json::object());
  REQUIRE(receive_message(socket.get(), message) == ReceiveStatus::kMessage);
  CHECK(message.type == "exited");
}

TEST_CASE("published ports can change", "[.root]") {
  ShimWorld world;
  world.fixture.process()["args"] = {"sleep", "1000"};
  const auto listening = [] {
    Fd socket = own_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check_errno(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                "bind");
    check_errno(::listen(socket.get(), 4), "listen");
    return socket;
  };
  const auto address_of = [](const Fd& socket) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    check_errno(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length),
                "getsockname");
    return address;
  };
  const Fd service = listening();
  Fd published = listening();
  const sockaddr_in front = address_of(published);
  const auto client = world.launch();
  world.start(client);
  std::vector<ForwardRequest> ports;
  ports.push_back({"tcp", "127.0.0.1", ntohs(address_of(service).sin_port), std::move(published)});
  client->forward(ports);
  ports.clear();
  const Fd user = own_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const auto connect = [&] {
    return ::connect(user.get(), reinterpret_cast<const sockaddr*>(&front), sizeof front);
  };
  REQUIRE(connect() == 0);
  {
    const Fd peer(::accept4(service.get(), nullptr, nullptr, SOCK_CLOEXEC));
    write_all(peer.get(), "through", "peer");
  }
  CHECK(read_to_end(user) == "through");
  world.await(client->abandon());
}

TEST_CASE("a shim is small, apart from its daemon, and shows its name", "[.root]") {
  ShimWorld world;
  world.fixture.document()["log"]["max_size"] = 10'000'000;
  world.fixture.document()["stdio"] = {{"open_stdin", true}, {"stdin_once", true}};
  world.fixture.shell("read x; dd if=/dev/zero bs=64k count=500 2>/dev/null; read x");
  const auto client = world.launch();
  world.await(client->created());
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  client->attach({true, true, true, false, "", ""}, std::move(pair.first));
  const int pid = world.await(client->start()).pid;
  const int shim = parent_of(pid);
  std::cout << "pss of a shim:" << pss(shim);
  ::poll(nullptr, 0, 700);
  std::cout << ", a moment later:" << pss(shim);
  write_all(pair.second.get(), "\n", "socket");
  std::vector<char> buffer(std::size_t{64} << 10U);
  for (std::size_t left = buffer.size() * 500; left > 0;) {
    const ssize_t got = ::recv(pair.second.get(), buffer.data(), std::min(buffer.size(), left), 0);
    REQUIRE(got > 0);
    left -= static_cast<std::size_t>(got);
  }
  std::cout << ", behind 32 MB of output:" << pss(shim);
  ::poll(nullptr, 0, 1500);
  std::cout << ", a moment later:" << pss(shim) << "\n" << proc_file(shim, "smaps_rollup");
  const std::string command = proc_file(shim, "cmdline");
  CHECK(command.starts_with(std::string("berth-shim\0", 11) + world.id().substr(0, 12) + '\0'));
  CHECK(command.find(world.id()) == std::string::npos);
  for (const char* descriptor : {"fd/0", "fd/1", "fd/2"}) {
    CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(shim) + "/" + descriptor) ==
          "/dev/null");
  }
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
    ::kill(shim, signal);
  write_all(pair.second.get(), "\n", "socket");
  CHECK(world.await(client->exited()).exit_code == 0);
}
