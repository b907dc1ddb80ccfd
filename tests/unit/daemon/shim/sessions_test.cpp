// What the daemon and clients are told of sessions. Those that run a program need root: see
// tests/integration/test_exec.py.
#include "daemon/shim/sessions.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

const std::string kDocument = R"({"process":{"args":["true"],"cwd":"/"},"memo":"m"})";

Fd file_of(const std::string& text) {
  Fd file = own_fd(::memfd_create("document", MFD_CLOEXEC), "memfd_create");
  write_all(file.get(), text, "document");
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

/// A daemon that notes what it is told, and takes it or not.
struct World {
  Loop loop;
  bool takes = true;
  bool connected = true;
  std::vector<nlohmann::json> told;
  Sessions sessions{loop,
                    {[this](std::string_view type, nlohmann::json body) {
                       if (!takes || !connected) return false;
                       body["type"] = type;
                       told.push_back(std::move(body));
                       return true;
                     },
                     [this] { return connected; }}};

  /// Of a session in a container that does not run; returns the client's end.
  Fd start(const std::string& id, const std::string& document = kDocument) {
    SocketPair pair = make_socket_pair(SOCK_STREAM);
    Message message;
    message.body = {{"exec_id", id}, {"stream", true}, {"stdout", true}, {"multiplexed", true}};
    message.descriptors.push_back(file_of(document));
    message.descriptors.push_back(std::move(pair.first));
    sessions.start(std::move(message), nullptr, {});
    return std::move(pair.second);
  }

  void run_for(std::chrono::milliseconds time) {
    loop.after(time, [this] { loop.stop(); });
    loop.run();
  }
};

std::string text_in_frame(const Fd& client) {
  const std::string data = read_all(client.get(), "stream");
  REQUIRE(data.size() > 8);
  CHECK(data[0] == 1);
  return data.substr(8);
}

}  // namespace

TEST_CASE("a session that cannot start is told to the daemon and to its client", "[sessions]") {
  World world;
  const Fd client = world.start("one");
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0] == nlohmann::json({{"type", "exec_failed"},
                                         {"exec_id", "one"},
                                         {"message", "the container is not running"},
                                         {"exit_code", 126}}));
  world.run_for(std::chrono::milliseconds(1));
  CHECK(text_in_frame(client) == "the container is not running\r\n");
  CHECK(world.sessions.known() ==
        nlohmann::json::parse(R"([{"exec_id":"one","exit_code":126,"memo":"m"}])"));
}

TEST_CASE("a document that is none is told as well", "[sessions]") {
  World world;
  const Fd client = world.start("one", R"({"process":{"args":["a\u0000b"],"cwd":"/"}})");
  world.run_for(std::chrono::milliseconds(1));
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].at("type") == "exec_failed");
  CHECK(text_in_frame(client).find("without a NUL character") != std::string::npos);
}

TEST_CASE("a start without its descriptors is refused", "[sessions]") {
  World world;
  Message message;
  message.body = {{"exec_id", "one"}, {"filter", true}};
  message.descriptors.push_back(file_of(kDocument));
  CHECK_THROWS_AS(world.sessions.start(std::move(message), nullptr, {}), Error);
  CHECK(world.told.empty());
  CHECK(world.sessions.known().empty());
}

TEST_CASE("messages about sessions that are over change nothing", "[sessions]") {
  World world;
  world.sessions.resize({{"exec_id", "nobody"}, {"rows", 1}, {"columns", 1}});
  world.sessions.kill({{"exec_id", "nobody"}});
  CHECK(world.told.empty());
}

TEST_CASE("a daemon that does not listen for a moment is told again, in order", "[sessions]") {
  World world;
  world.takes = false;
  const Fd first = world.start("one");
  world.takes = true;
  const Fd second = world.start("two");
  CHECK(world.told.empty());
  while (world.told.size() < 2)
    world.run_for(std::chrono::milliseconds(10));
  CHECK(world.told[0].at("exec_id") == "one");
  CHECK(world.told[1].at("exec_id") == "two");
}

TEST_CASE("a daemon that comes later is told what is known, and nothing twice", "[sessions]") {
  World world;
  world.connected = false;
  const Fd away = world.start("one");
  world.connected = true;
  world.takes = false;
  const Fd deaf = world.start("two");
  CHECK(world.sessions.known().size() == 2);
  world.takes = true;
  const Fd third = world.start("three");
  REQUIRE(world.told.size() == 1);
  CHECK(world.told[0].at("exec_id") == "three");
}

TEST_CASE("sessions that ended are remembered within bounds", "[sessions]") {
  World world;
  const std::string memo(20'000, 'x');
  const std::string large = R"({"process":{"args":["true"],"cwd":"/"},"memo":")" + memo + "\"}";
  for (int number = 0; number < 100; ++number)
    (void)world.start("small" + std::to_string(number));
  CHECK(world.sessions.known().size() == 32);
  CHECK(world.sessions.known().back().at("exec_id") == "small99");
  (void)world.start("large1", large);
  (void)world.start("large2", large);
  const auto known = world.sessions.known();
  REQUIRE(known.size() == 1);
  CHECK(known[0].at("exec_id") == "large2");
}

TEST_CASE("the end of all waits for the last stream", "[sessions]") {
  World world;
  bool done = false;
  world.sessions.end_all([&] { done = true; });
  CHECK(done);
  done = false;
  const Fd client = world.start("one");
  world.sessions.end_all([&] { done = true; });
  CHECK_FALSE(done);
  world.run_for(std::chrono::milliseconds(1));
  CHECK(done);
}
