#include "daemon/shim_client/shim_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log/log.hpp"
#include "common/text.hpp"
#include "daemon/shim/protocol.hpp"
#include "daemon/shim_client/spawn.hpp"

namespace berth::shim {

namespace {

using asio::posix::stream_descriptor;

// A shim answers in microseconds; one that does not within this is not there.
constexpr std::chrono::seconds kAnswerLimit{10};
constexpr int kKilled = 128 + SIGKILL;

Timestamp time_of(const nlohmann::json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    return now();
  return parse_rfc3339(found->get<std::string>());
}

std::span<const unsigned char> as_bytes(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

ExitRecord record_of(const nlohmann::json& body) {
  return {body.value("exit_code", 0), body.value("oom_killed", false), time_of(body, "finished_at"),
          body.value("error", ""), false};
}

Phase phase_of(const std::string& name) {
  if (name == "created") return Phase::kCreated;
  if (name == "running") return Phase::kRunning;
  if (name == "exited") return Phase::kExited;
  return Phase::kCreating;
}

}  // namespace

/// What Asio has to do with, kept out of the header.
class ShimClient::Connection {
 public:
  Connection(const asio::any_io_executor& control, Fd connected, Fd shim)
      : socket(control, connected.release()), process(control) {
    if (shim) process.assign(shim.release());
  }

  stream_descriptor socket;
  stream_descriptor process;  // not open after a reconnect
};

ShimClient::ShimClient(asio::any_io_executor control, Fd socket, Fd process)
    : control_(control),
      connection_(std::make_unique<Connection>(control, std::move(socket), std::move(process))),
      hello_(control),
      created_signal_(control),
      started_signal_(control),
      exited_signal_(control),
      ended_signal_(control) {}

ShimClient::~ShimClient() = default;

Task<std::shared_ptr<ShimClient>> ShimClient::launch(asio::any_io_executor control,
                                                     BlockingPool& pool, LaunchRequest request) {
  auto work = [&request] { return spawn(request); };
  Spawned spawned = co_await pool.run(work);
  // The sockets of published ports are the shim's alone from here on.
  request.listeners.clear();
  std::shared_ptr<ShimClient> client(
      new ShimClient(control, std::move(spawned.control), std::move(spawned.process)));
  client->run();
  co_return client;
}

Task<std::shared_ptr<ShimClient>> ShimClient::reconnect(asio::any_io_executor control,
                                                        std::filesystem::path socket) {
  std::shared_ptr<ShimClient> client(new ShimClient(control, connect_to(socket), Fd()));
  client->run();
  if (!co_await client->hello_.wait_for(kAnswerLimit)) {
    client->connection_->socket.close();  // ends the reading coroutine
    throw Error(ErrorKind::kDeadline, "the shim at " + socket.native() + " does not answer");
  }
  if (client->ended_signal_.is_set()) throw Error(ErrorKind::kUnavailable, "the shim ended");
  co_return client;
}

void ShimClient::run() {
  // Both end by themselves: when the shim closes its end, and when it is reaped.
  asio::co_spawn(control_, read_messages(shared_from_this()), asio::detached);
  if (connection_->process.is_open())
    asio::co_spawn(control_, reap(shared_from_this()), asio::detached);
}

Task<> ShimClient::read_messages(std::shared_ptr<ShimClient> self) {
  boost::system::error_code error;
  for (;;) {
    co_await self->connection_->socket.async_wait(stream_descriptor::wait_read,
                                                  asio::redirect_error(asio::use_awaitable, error));
    if (error || !self->receive_all()) break;
  }
  self->lost();
}

bool ShimClient::receive_all() {
  for (;;) {
    Message message;
    try {
      const ReceiveStatus status = receive_message(connection_->socket.native_handle(), message);
      if (status == ReceiveStatus::kNothing) return true;
      if (status == ReceiveStatus::kClosed) return false;
      handle(message);
    } catch (const std::exception& error) {
      log::warn("shim: {}", error.what());
    }
  }
}

void ShimClient::handle(Message& message) {
  const nlohmann::json& body = message.body;
  if (message.type == "created" && message.descriptors.size() == 1) {
    created_ = Created{body.value("pid", 0), std::move(message.descriptors.front())};
    created_signal_.set();
  } else if (message.type == "started") {
    started_ = Started{body.value("pid", 0), time_of(body, "started_at")};
    state_.streams = body.value("streams", std::vector<std::string>());
    started_signal_.set();
  } else if (message.type == "failed") {
    failure_.emplace(body.value("message", ""), body.value("exit_code", 125));
    created_signal_.set();
    started_signal_.set();
  } else if (message.type == "exited") {
    record_ = record_of(body);
    exited_signal_.set();
  } else if (message.type == "hello") {
    handle_hello(message);
  } else if (message.type == "warning") {
    warnings_.push_back(body.value("message", ""));
  } else if (message.type == "oom") {
    notify(Notice::kOutOfMemory);
  } else if (message.type == "detached") {
    notify(Notice::kDetached);
  } else if (message.type == "error") {
    log::warn("shim: {}", body.value("message", ""));
  } else {
    handle_session(message);
  }
}

void ShimClient::catch_up() {
  // The end of the connection is for the reading coroutine to see.
  (void)receive_all();
}

void ShimClient::handle_hello(const Message& message) {
  const nlohmann::json& body = message.body;
  state_ = {phase_of(body.value("phase", "")), body.value("pid", 0), time_of(body, "started_at"),
            body.value("oom", false), body.value("streams", std::vector<std::string>())};
  if (const auto record = body.find("record"); record != body.end()) {
    record_ = record_of(*record);
    exited_signal_.set();
  }
  read_known_sessions(message);
  if (!connection_->process.is_open()) watch_process(body.value("shim", 0));
  hello_.set();
}

/// The shim that an earlier daemon spawned is not our child, but a pidfd tells its end all the
/// same.
void ShimClient::watch_process(pid_t shim) {
  if (shim <= 0) return;
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, shim, 0)));
  // Still connected: then it lives, and the number is no other process's.
  char byte = 0;
  const bool connected =
      ::recv(connection_->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
  if (!process || !connected) return;
  connection_->process.assign(process.release());
  asio::co_spawn(control_, reap(shared_from_this()), asio::detached);
}

void ShimClient::notify(Notice notice) {
  if (listener_) {
    listener_(notice);
  } else {
    unheard_.push_back(notice);
  }
}

void ShimClient::listen(std::function<void(Notice)> listener) {
  listener_ = std::move(listener);
  for (const Notice notice : std::exchange(unheard_, {}))
    listener_(notice);
}

void ShimClient::lost() {
  if (!failure_) failure_.emplace("the container's shim ended unexpectedly", 125);
  if (!record_) {
    // A killed shim takes its container with it (PR_SET_PDEATHSIG).
    record_ = ExitRecord{kKilled, false, now(), "the container's shim was killed", true};
  }
  hello_.set();
  created_signal_.set();
  started_signal_.set();
  exited_signal_.set();
  if (!connection_->process.is_open()) ended_signal_.set();
}

Task<> ShimClient::reap(std::shared_ptr<ShimClient> self) {
  stream_descriptor& process = self->connection_->process;
  boost::system::error_code error;
  co_await process.async_wait(stream_descriptor::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  siginfo_t info{};
  // Fails for one that an earlier daemon spawned: init reaps it.
  ::waitid(P_PIDFD, static_cast<id_t>(process.native_handle()), &info, WEXITED | WNOHANG);
  self->ended_signal_.set();
}

Task<Created> ShimClient::created() {
  co_await created_signal_.wait();
  if (!created_) throw StartFailure(*failure_);
  co_return std::move(*created_);
}

bool ShimClient::is_end_of_stream(int system_error) {
  return system_error == EPIPE || system_error == ECONNRESET;
}

Task<Started> ShimClient::start() {
  try {
    if (!failure_) send("start", nlohmann::json::object());
  } catch (const Error& error) {
    // It ended already: what it said last, why, is still to be read.
    if (!is_end_of_stream(error.system_error())) throw;
  }
  co_await started_signal_.wait();
  if (!started_) throw StartFailure(*failure_);
  co_return *started_;
}

Task<ExitRecord> ShimClient::exited() {
  co_await exited_signal_.wait();
  co_return *record_;
}

Task<> ShimClient::ended() {
  return ended_signal_.wait();
}

void ShimClient::send(std::string_view type, nlohmann::json body,
                      std::span<const int> descriptors) {
  try {
    send_message(connection_->socket.native_handle(), type, std::move(body), descriptors);
  } catch (const Error& error) {
    throw Error(ErrorKind::kUnavailable,
                "the container's shim does not listen: " + std::string(error.what()),
                error.system_error());
  }
}

nlohmann::json ShimClient::attach_body(const AttachRequest& request) {
  return {{"stdin", request.standard_input},
          {"stdout", request.standard_output},
          {"stderr", request.standard_error},
          {"multiplexed", request.multiplexed},
          {"detach_keys", to_hex(as_bytes(request.detach_keys))},
          {"early", to_hex(as_bytes(request.early_bytes))}};
}

void ShimClient::attach(const AttachRequest& request, Fd stream) {
  const int descriptor = stream.get();
  send("attach", attach_body(request), {&descriptor, 1});
}

void ShimClient::signal(int number) {
  send("signal", {{"signal", number}});
}

void ShimClient::resize(unsigned short rows, unsigned short columns) {
  send("resize", {{"rows", rows}, {"columns", columns}});
}

void ShimClient::forward(const std::vector<ForwardRequest>& ports) {
  nlohmann::json list = nlohmann::json::array();
  std::vector<int> sockets;
  for (const ForwardRequest& port : ports) {
    list.push_back({{"proto", port.protocol},
                    {"container_ip", port.container_ip},
                    {"container_port", port.container_port}});
    sockets.push_back(port.socket.get());
  }
  send("forward", {{"ports", std::move(list)}}, sockets);
}

Task<> ShimClient::abandon() {
  if (ended_signal_.is_set()) co_return;
  try {
    send("abandon", nlohmann::json::object());
  } catch (const Error&) {
    // It is ending already.
  }
  if (co_await ended_signal_.wait_for(kAnswerLimit)) co_return;
  if (!connection_->process.is_open()) co_return;
  // PID 1 goes with it; its cgroup is cleared by the container room.
  ::syscall(SYS_pidfd_send_signal, connection_->process.native_handle(), SIGKILL, nullptr, 0);
  co_await ended_signal_.wait_for(kAnswerLimit);
}

}  // namespace berth::shim
