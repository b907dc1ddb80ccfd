// The daemon's end against a shim that the test plays: no root, no process.
#include <filesystem>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.hpp"
#include "daemon/shim/protocol.hpp"
#include "daemon/shim_client/shim_client.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

const std::string kId(64, 'a');

/// A folder with the socket of one shim, and what that shim says and hears.
class FakeShim {
 public:
  FakeShim() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-shim-XXXXXX").native();
    folder_ = ::mkdtemp(pattern.data());
    listener_ = own_fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().native().copy(address.sun_path, sizeof address.sun_path - 1);
    check_errno(
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
        "bind");
    check_errno(::listen(listener_.get(), 1), "listen");
  }
  ~FakeShim() { std::filesystem::remove_all(folder_); }
  FakeShim(const FakeShim&) = delete;
  FakeShim& operator=(const FakeShim&) = delete;

  std::filesystem::path folder() const { return folder_; }
  std::filesystem::path path() const { return folder_ / "s"; }

  /// Takes the connection that waits.
  void accept() {
    connection_ = own_fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept4");
  }
  void say(std::string_view type, nlohmann::json body) {
    send_message(connection_.get(), type, std::move(body));
  }
  void say(std::string_view type, nlohmann::json body, const Fd& descriptor) {
    const int number = descriptor.get();
    send_message(connection_.get(), type, std::move(body), {&number, 1});
  }
  void say_text(std::string_view text) {
    check_errno(::send(connection_.get(), text.data(), text.size(), 0), "send");
  }
  Message hear() {
    Message message;
    REQUIRE(receive_message(connection_.get(), message) == ReceiveStatus::kMessage);
    return message;
  }
  void hang_up() { connection_.reset(); }

 private:
  std::filesystem::path folder_;
  Fd listener_;
  Fd connection_;
};

template <typename Result>
Result await(asio::io_context& context, Task<Result> task) {
  std::exception_ptr failure;
  std::optional<Result> result;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr error, Result value) {
    failure = error;
    if (!error) result.emplace(std::move(value));
    context.stop();
  });
  context.restart();
  context.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

/// Reconnects to a shim that greets with `hello`.
std::shared_ptr<ShimClient> connect(asio::io_context& context, FakeShim& shim,
                                    const nlohmann::json& hello) {
  std::jthread greeter([&] {
    shim.accept();
    shim.say("hello", hello);
  });
  return await(context, ShimClient::reconnect(context.get_executor(), shim.path()));
}

const nlohmann::json kRunning = {
    {"version", 1}, {"phase", "running"}, {"pid", 42}, {"started_at", "2024-05-06T07:08:09Z"}};

}  // namespace

TEST_CASE("a shim that goes on says how it is", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto client = connect(context, shim, kRunning);
  CHECK(client->state().phase == Phase::kRunning);
  CHECK(client->state().pid == 42);
  CHECK(format_rfc3339(client->state().started_at) == "2024-05-06T07:08:09Z");
  shim.say("exited", {{"exit_code", 3}, {"finished_at", "2024-05-06T07:08:10Z"}});
  const ExitRecord record = await(context, client->exited());
  CHECK(record.exit_code == 3);
  CHECK_FALSE(record.shim_lost);
  // Whoever asks later is told the same.
  CHECK(await(context, client->exited()).exit_code == 3);
}

TEST_CASE("a container that is over is told by the first message", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto client = connect(
      context, shim, {{"phase", "exited"}, {"record", {{"exit_code", 5}, {"oom_killed", true}}}});
  CHECK(client->state().phase == Phase::kExited);
  const ExitRecord record = await(context, client->exited());
  CHECK(record.exit_code == 5);
  CHECK(record.oom_killed);
}

TEST_CASE("a shim that is lost is told apart from one that ended", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto client = connect(context, shim, kRunning);
  shim.hang_up();
  const ExitRecord record = await(context, client->exited());
  CHECK(record.exit_code == 137);
  CHECK(record.shim_lost);
  CHECK_THROWS_AS(client->signal(15), Error);
  CHECK_THROWS_AS(await(context, client->start()), StartFailure);
}

TEST_CASE("messages that are none are passed over", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto client = connect(context, shim, kRunning);
  for (const char* text : {"x", "[]", R"({"type":"news"})", R"({"type":"created","pid":"one"})",
                           R"({"type":"started","started_at":"yesterday"})",
                           R"({"type":"exited","exit_code":"three"})"}) {
    shim.say_text(text);
  }
  shim.say("warning", {{"message", "careful"}});
  shim.say("exited", {{"exit_code", 4}});
  CHECK(await(context, client->exited()).exit_code == 4);
  CHECK(client->take_warnings() == std::vector<std::string>{"careful"});
}

TEST_CASE("what happens meanwhile is told, from before, too", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  nlohmann::json hello = kRunning;
  hello["oom"] = true;
  const auto client = connect(context, shim, hello);
  CHECK(client->state().out_of_memory);
  std::vector<Notice> notices;
  shim.say("oom", nlohmann::json::object());
  const auto until = [&](std::size_t count) {
    context.restart();
    while (notices.size() < count)
      context.run_one();
  };
  context.restart();
  context.run_one();
  client->listen([&](Notice notice) { notices.push_back(notice); });
  until(1);
  shim.say("detached", nlohmann::json::object());
  shim.say("oom", nlohmann::json::object());
  until(3);
  CHECK(notices ==
        std::vector<Notice>{Notice::kOutOfMemory, Notice::kDetached, Notice::kOutOfMemory});
  shim.hang_up();
  CHECK(await(context, client->exited()).shim_lost);
}

TEST_CASE("what is asked arrives as the protocol has it", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto client = connect(context, shim, kRunning);
  client->signal(15);
  CHECK(shim.hear().body == nlohmann::json({{"type", "signal"}, {"signal", 15}}));
  client->resize(24, 80);
  CHECK(shim.hear().body == nlohmann::json({{"type", "resize"}, {"rows", 24}, {"columns", 80}}));
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  AttachRequest request;
  request.standard_output = true;
  request.detach_keys = "\x10\x11";
  request.early_bytes = std::string("\0\xff", 2);
  client->attach(request, std::move(pair.first));
  const Message attach = shim.hear();
  CHECK(attach.descriptors.size() == 1);
  CHECK(attach.body.at("detach_keys") == "1011");
  CHECK(attach.body.at("early") == "00ff");
  CHECK(attach.body.at("stdout") == true);
  CHECK(attach.body.at("stdin") == false);
  std::vector<ForwardRequest> ports;
  ports.push_back({"tcp", "172.17.0.2", 80, std::move(pair.second)});
  client->forward(ports);
  ports.clear();
  const Message forward = shim.hear();
  CHECK(forward.descriptors.size() == 1);
  CHECK(forward.body.at("ports").at(0).at("container_port") == 80);
}

TEST_CASE("sessions are started as the protocol has it", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto client = connect(context, shim, kRunning);
  SocketPair pair = make_socket_pair(SOCK_STREAM);
  SessionRequest request;
  request.id = "one";
  request.document = R"({"process":{},"memo":"m"})";
  request.seccomp_filter.resize(8);
  request.attach.standard_output = true;
  request.attach.early_bytes = "x";
  request.stream = std::move(pair.first);
  client->start_session(request);
  Message start = shim.hear();
  CHECK(start.type == "exec_start");
  CHECK(start.body.at("exec_id") == "one");
  CHECK(start.body.at("stdout") == true);
  CHECK(start.body.at("early") == "78");
  CHECK(start.body.at("filter") == true);
  CHECK(start.body.at("stream") == true);
  REQUIRE(start.descriptors.size() == 3);
  CHECK(read_all(start.descriptors[0].get(), "document") == request.document);
  CHECK(read_all(start.descriptors[1].get(), "filter") == std::string(8, '\0'));
  client->start_session({"two", "{}", {}, {}, Fd()});
  start = shim.hear();
  CHECK(start.descriptors.size() == 1);
  CHECK(start.body.at("stream") == false);
  client->resize_session("one", 24, 80);
  CHECK(
      shim.hear().body ==
      nlohmann::json({{"type", "exec_resize"}, {"exec_id", "one"}, {"rows", 24}, {"columns", 80}}));
  client->kill_session("one");
  CHECK(shim.hear().body == nlohmann::json({{"type", "exec_kill"}, {"exec_id", "one"}}));
  shim.hang_up();
  CHECK_THROWS_AS(client->start_session(request), Error);
  CHECK(await(context, client->exited()).shim_lost);
}

TEST_CASE("what became of sessions is told, from before, too, and at once to who asks",
          "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto client = connect(context, shim, kRunning);
  shim.say("exec_started", {{"exec_id", "one"}, {"pid", 77}});
  client->catch_up();
  std::vector<SessionEvent> events;
  client->watch_sessions([&](const SessionEvent& event) { events.push_back(event); });
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == SessionEvent::Kind::kStarted);
  CHECK(events[0].id == "one");
  CHECK(events[0].pid == 77);
  shim.say("exec_detached", {{"exec_id", "one"}});
  shim.say("exec_exited", {{"exec_id", "one"}, {"exit_code", 3}});
  shim.say("exec_failed", {{"exec_id", "two"}, {"message", "no"}, {"exit_code", 127}});
  client->catch_up();
  REQUIRE(events.size() == 4);
  CHECK(events[1].kind == SessionEvent::Kind::kDetached);
  CHECK(events[2].kind == SessionEvent::Kind::kExited);
  CHECK(events[2].exit_code == 3);
  CHECK(events[3].kind == SessionEvent::Kind::kFailed);
  CHECK(events[3].message == "no");
  CHECK(events[3].exit_code == 127);
  shim.hang_up();
  client->catch_up();
  CHECK(await(context, client->exited()).shim_lost);
}

TEST_CASE("a shim tells a new daemon of its sessions", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const std::string list =
      R"([{"exec_id":"a","memo":"{}","pid":5},{"exec_id":"b","memo":"x","exit_code":9}])";
  const Fd file = own_fd(::memfd_create("list", MFD_CLOEXEC), "memfd_create");
  write_all(file.get(), list, "list");
  ::lseek(file.get(), 0, SEEK_SET);
  std::jthread greeter([&] {
    shim.accept();
    shim.say("hello", kRunning, file);
  });
  const auto client = await(context, ShimClient::reconnect(context.get_executor(), shim.path()));
  const auto known = client->take_known_sessions();
  REQUIRE(known.size() == 2);
  CHECK(known[0].id == "a");
  CHECK(known[0].pid == 5);
  CHECK_FALSE(known[0].exit_code);
  CHECK(known[1].memo == "x");
  CHECK(known[1].exit_code == 9);
  CHECK(client->take_known_sessions().empty());
  shim.hang_up();
  CHECK(await(context, client->exited()).shim_lost);
}

TEST_CASE("nobody at the socket is an error, not a wait", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  const auto elsewhere = shim.folder() / "nobody";
  CHECK_THROWS_AS(await(context, ShimClient::reconnect(context.get_executor(), elsewhere)), Error);
}

TEST_CASE("a shim that hangs up without a word is an error", "[shim_client]") {
  asio::io_context context(1);
  FakeShim shim;
  std::jthread greeter([&] {
    shim.accept();
    shim.hang_up();
  });
  CHECK_THROWS_AS(await(context, ShimClient::reconnect(context.get_executor(), shim.path())),
                  Error);
}

TEST_CASE("a program that cannot be executed leaves no name behind", "[shim_client]") {
  asio::io_context context(1);
  BlockingPool pool(1);
  const FakeShim place;
  const Fd no_program = open_file("/etc/hostname", O_RDONLY);
  LaunchRequest request;
  request.program = no_program.get();
  request.id = ContainerId(kId);
  request.document = "{}";
  request.container_folder = place.folder();
  request.socket_folder = place.folder();
  CHECK_THROWS_AS(
      await(context, ShimClient::launch(context.get_executor(), pool, std::move(request))), Error);
  CHECK_FALSE(std::filesystem::exists(place.folder() / kId));
}
