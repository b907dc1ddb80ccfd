// What the supervisor hears from the daemon and tells it.
#include <array>
#include <utility>

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/shim/memory.hpp"
#include "daemon/shim/supervisor.hpp"

namespace berth::shim {

namespace {

constexpr std::chrono::milliseconds kStartSettled{500};
constexpr long kMostSignal = 64;
constexpr long kMostPort = 65535;

runtime::ForwardSettings forward_settings(const nlohmann::json& port) {
  if (!port.is_object()) throw Error(ErrorKind::kInvalidArgument, "a port must be an object");
  runtime::ForwardSettings settings;
  settings.protocol = text_of(port, "proto");
  if (settings.protocol != "tcp" && settings.protocol != "udp") {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid protocol \"" + settings.protocol + "\": must be tcp or udp");
  }
  settings.container_ip = text_of(port, "container_ip");
  settings.container_port =
      static_cast<std::uint16_t>(number_of(port, "container_port", kMostPort));
  return settings;
}

}  // namespace

void Supervisor::watch_control() {
  loop_.add(control_.get(), EPOLLIN, [this](std::uint32_t) { on_control(); });
}

bool Supervisor::tell(std::string_view type, nlohmann::json body,
                      std::span<const int> descriptors) {
  if (!control_) return false;
  try {
    send_message(control_.get(), type, std::move(body), descriptors);
    return true;
  } catch (const Error&) {
    // The daemon is gone, which the loop will see, too. What matters is on disk or can be asked
    // again.
    return false;
  }
}

void Supervisor::warn(const std::string& message) {
  if (!tell("warning", {{"message", message}})) unsaid_warnings_.push_back(message);
}

void Supervisor::on_control() {
  Message message;
  ReceiveStatus status = ReceiveStatus::kClosed;
  try {
    status = receive_message(control_.get(), message);
    if (status == ReceiveStatus::kMessage) dispatch(std::move(message));
  } catch (const std::exception& error) {
    tell("error", {{"message", error.what()}});
    return;
  }
  if (status == ReceiveStatus::kClosed) daemon_vanished();
}

void Supervisor::daemon_vanished() {
  loop_.remove(control_.get());
  control_.reset();
  // Nobody was told that this container runs, and nobody will say that it may.
  if (phase_ == Phase::kCreating || phase_ == Phase::kCreated) abandon();
}

void Supervisor::on_reconnect() {
  Fd daemon(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!daemon) return;
  // A later daemon is the one that counts.
  if (control_) loop_.remove(control_.get());
  control_ = std::move(daemon);
  watch_control();
  const bool told = say_hello();
  for (const std::string& warning : std::exchange(unsaid_warnings_, {}))
    warn(warning);
  if (told && phase_ == Phase::kExited) loop_.stop();
}

nlohmann::json Supervisor::state() const {
  constexpr std::array<const char*, 4> kNames = {"creating", "created", "running", "exited"};
  nlohmann::json body{{"version", kProtocolVersion},
                      {"shim", ::getpid()},
                      {"phase", kNames[static_cast<std::size_t>(phase_)]},
                      {"pid", init_ ? init_->pid() : 0},
                      {"started_at", record_.started_at},
                      {"oom", ran_out_of_memory_},
                      {"streams", streams_}};
  if (phase_ == Phase::kExited) body["record"] = to_json(record_);
  return body;
}

bool Supervisor::say_hello() {
  const nlohmann::json sessions = sessions_.known();
  if (sessions.empty()) return tell("hello", state());
  // Together they may be longer than a message can be.
  const Fd file = own_fd(::memfd_create("sessions", MFD_CLOEXEC), "memfd_create");
  write_all(file.get(), sessions.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
            "sessions");
  check_errno(::lseek(file.get(), 0, SEEK_SET), "lseek", "sessions");
  return tell("hello", state(), std::array{file.get()});
}

void Supervisor::dispatch(Message message) {
  const nlohmann::json& body = message.body;
  if (message.type == "start") {
    handle_start();
  } else if (message.type == "signal") {
    handle_signal(body);
  } else if (message.type == "resize") {
    constexpr long kMost = 65535;
    stdio_->resize(static_cast<unsigned short>(number_of(body, "rows", kMost)),
                   static_cast<unsigned short>(number_of(body, "columns", kMost)));
  } else if (message.type == "attach") {
    handle_attach(std::move(message));
  } else if (message.type == "forward") {
    handle_forward(std::move(message));
  } else if (message.type == "query") {
    say_hello();
  } else if (message.type == "abandon") {
    abandon();
  } else if (!handle_session(message)) {
    tell("error", {{"message", "unknown message \"" + message.type + "\""}});
  }
}

void Supervisor::handle_start() {
  if (phase_ != Phase::kCreated) {
    tell("error", {{"message", "the container was started already"}});
    return;
  }
  const bool watched = init_->pidfd() >= 0;
  if (const auto failure = init_->release()) {
    fail(*failure);
    return;
  }
  if (!watched) watch_process();
  for (const std::string& warning : init_->warnings())
    warn(warning);
  phase_ = Phase::kRunning;
  record_.started_at = format_rfc3339(now());
  tell("started",
       {{"pid", init_->pid()}, {"started_at", record_.started_at}, {"streams", streams_}});
  oom_watch_.emplace(loop_, init_->cgroup(), [this] {
    ran_out_of_memory_ = true;
    tell("oom", nlohmann::json::object());
  });
  // What the start took is not needed again in the container's life; a short one is not slowed down
  // for it.
  loop_.after(kStartSettled, [] { give_memory_back(); });
}

void Supervisor::handle_signal(const nlohmann::json& body) {
  const long signal = number_of(body, "signal", kMostSignal);
  if (phase_ != Phase::kRunning && phase_ != Phase::kCreated) return;
  // pidfd_send_signal(2): never another process that got the number meanwhile.
  check_errno(
      ::syscall(SYS_pidfd_send_signal, init_->pidfd(), static_cast<int>(signal), nullptr, 0),
      "pidfd_send_signal");
}

void Supervisor::handle_attach(Message message) {
  if (message.descriptors.size() != 1) {
    throw Error(ErrorKind::kInvalidArgument, "attach needs exactly one stream");
  }
  stdio_->attach(std::move(message.descriptors.front()), read_attach_settings(message.body),
                 from_hex(text_of(message.body, "early")));
}

/// False for a message that is about no session.
bool Supervisor::handle_session(Message& message) {
  if (message.type == "exec_start") {
    const bool runs = phase_ == Phase::kRunning && record_.finished_at.empty();
    sessions_.start(std::move(message), runs ? init_.get() : nullptr, file_limit_);
  } else if (message.type == "exec_resize") {
    sessions_.resize(message.body);
  } else if (message.type == "exec_kill") {
    sessions_.kill(message.body);
  } else {
    return false;
  }
  return true;
}

void Supervisor::handle_forward(Message message) {
  std::vector<runtime::ForwardSettings> ports;
  const auto list = message.body.find("ports");
  if (list == message.body.end() || !list->is_array() ||
      list->size() != message.descriptors.size()) {
    throw Error(ErrorKind::kInvalidArgument, "forward needs a socket for each port");
  }
  for (const nlohmann::json& port : *list)
    ports.push_back(forward_settings(port));
  if (phase_ != Phase::kExited) forward(std::move(ports), std::move(message.descriptors));
}

}  // namespace berth::shim
