#include "daemon/shim/supervisor.hpp"

#include <array>
#include <utility>

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::shim {

namespace {

constexpr int kSignalBase = 128;
constexpr int kCannotStart = 125;
constexpr const char* kRecordFile = "exit.json";
constexpr const char* kRecordDraft = "exit.json.tmp";
constexpr mode_t kRecordMode = 0600;

std::vector<std::byte> read_filter() {
  const Fd file(kSeccompFd);
  const std::string bytes = read_all(file.get(), "seccomp filter");
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return {begin, begin + bytes.size()};
}

LogSettings log_settings(const runtime::LogSettings& asked) {
  return {asked.driver == "json-file", asked.file, asked.max_size, asked.max_file};
}

bool flag(const nlohmann::json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_boolean() && found->get<bool>();
}

std::string text(const nlohmann::json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

long number(const nlohmann::json& body, const char* name, long most) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_number_integer()) {
    throw Error(ErrorKind::kInvalidArgument, std::string("the message has no number ") + name);
  }
  const long value = found->get<long>();
  if (value < 0 || value > most) {
    throw Error(ErrorKind::kInvalidArgument, std::string(name) + " is out of range");
  }
  return value;
}

}  // namespace

Supervisor::Supervisor(std::string id) : id_(std::move(id)) {}

void Supervisor::run() {
  watch_control();
  loop_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { on_reconnect(); });
  try {
    const Fd file(kDocumentFd);
    const auto document = runtime::parse_launch_document(read_all(file.get(), "launch document"));
    prepare_forwarders(document);
    launch(document);
  } catch (const Error& error) {
    fail({runtime::Stage::kClone, error.what(), error.system_error(), kCannotStart});
  }
  // What reading the document took is not needed again in the container's life.
  ::malloc_trim(0);
  loop_.run();
  ::unlinkat(sockets_.get(), id_.c_str(), 0);
}

void Supervisor::prepare_forwarders(const runtime::LaunchDocument& document) {
  for (const runtime::ForwardSettings& forward : document.forward) {
    Fd socket(kFirstForwardFd + forward.fd_index);
    const sockaddr_in target = container_address(forward.container_ip, forward.container_port);
    if (forward.protocol == "udp") {
      udp_.emplace_back(loop_, std::move(socket), target);
    } else {
      tcp_.emplace_back(loop_, std::move(socket), target);
    }
  }
}

void Supervisor::prepare_stdio(const runtime::LaunchDocument& document,
                               runtime::LaunchOptions& options) {
  log_.emplace(folder_.get(), log_settings(document.log));
  stdio_.emplace(loop_, *log_);
  if (document.oci.process.terminal) return;
  Pipe input;
  if (document.open_stdin) input = make_pipe();
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  options.standard_input = input.read.get();
  options.standard_output = output.write.get();
  options.standard_error = error.write.get();
  process_ends_.push_back(std::move(input.read));
  process_ends_.push_back(std::move(output.write));
  process_ends_.push_back(std::move(error.write));
  stdio_->use_pipes(std::move(input.write), std::move(output.read), std::move(error.read),
                    document.stdin_once);
}

void Supervisor::launch(const runtime::LaunchDocument& document) {
  const std::vector<std::byte> filter = read_filter();
  runtime::LaunchOptions options;
  options.seccomp_filter = filter;
  options.on_namespaces = [this](pid_t pid, int network_namespace) {
    tell("created", {{"pid", pid}}, std::array{network_namespace});
  };
  prepare_stdio(document, options);
  try {
    init_.emplace(runtime::launch_init(document, options));
  } catch (const runtime::LaunchError& error) {
    fail(error.failure());
    return;
  }
  process_ends_.clear();
  if (init_->terminal()) stdio_->use_terminal(std::move(init_->terminal()));
  phase_ = Phase::kCreated;
  loop_.add(init_->pidfd(), EPOLLIN, [this](std::uint32_t) { on_process_end(); });
}

void Supervisor::watch_control() {
  loop_.add(control_.get(), EPOLLIN, [this](std::uint32_t) { on_control(); });
}

void Supervisor::tell(std::string_view type, nlohmann::json body,
                      std::span<const int> descriptors) {
  if (!control_) return;
  try {
    send_message(control_.get(), type, std::move(body), descriptors);
  } catch (const Error&) {
    // The daemon is gone, which the loop will see, too. What matters is on disk or can be asked
    // again.
  }
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
  if (phase_ == Phase::kCreating || phase_ == Phase::kCreated) {
    // Nobody was told that this container runs, and nobody will say that it may.
    abandon();
  } else if (phase_ == Phase::kExited) {
    finish();
  }
}

void Supervisor::on_reconnect() {
  Fd daemon(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!daemon) return;
  // A later daemon is the one that counts.
  if (control_) loop_.remove(control_.get());
  control_ = std::move(daemon);
  watch_control();
  tell("hello", state());
}

nlohmann::json Supervisor::record() const {
  return {{"exit_code", exit_code_},
          {"oom_killed", oom_killed_},
          {"started_at", started_at_},
          {"finished_at", finished_at_},
          {"error", ""}};
}

nlohmann::json Supervisor::state() const {
  constexpr std::array<const char*, 4> kNames = {"creating", "created", "running", "exited"};
  nlohmann::json body{{"version", kProtocolVersion},
                      {"phase", kNames[static_cast<std::size_t>(phase_)]},
                      {"pid", init_ ? init_->pid() : 0},
                      {"started_at", started_at_}};
  if (phase_ == Phase::kExited) body["record"] = record();
  return body;
}

void Supervisor::dispatch(Message message) {
  if (message.type == "start") {
    handle_start();
  } else if (message.type == "signal") {
    const long signal = number(message.body, "signal", 64);
    if (phase_ == Phase::kRunning || phase_ == Phase::kCreated) {
      // pidfd_send_signal(2): never another process that got the number meanwhile.
      check_errno(
          ::syscall(SYS_pidfd_send_signal, init_->pidfd(), static_cast<int>(signal), nullptr, 0),
          "pidfd_send_signal");
    }
  } else if (message.type == "resize") {
    constexpr long kMost = 65535;
    stdio_->resize(static_cast<unsigned short>(number(message.body, "rows", kMost)),
                   static_cast<unsigned short>(number(message.body, "columns", kMost)));
  } else if (message.type == "attach") {
    handle_attach(std::move(message));
  } else if (message.type == "abandon") {
    abandon();
  } else {
    tell("error", {{"message", "unknown message \"" + message.type + "\""}});
  }
}

void Supervisor::handle_start() {
  if (phase_ != Phase::kCreated) {
    tell("error", {{"message", "the container was started already"}});
    return;
  }
  if (const auto failure = init_->release()) {
    fail(*failure);
    return;
  }
  for (const std::string& warning : init_->warnings())
    tell("warning", {{"message", warning}});
  phase_ = Phase::kRunning;
  started_at_ = format_rfc3339(now());
  tell("started", {{"pid", init_->pid()}, {"started_at", started_at_}});
}

void Supervisor::handle_attach(Message message) {
  if (message.descriptors.size() != 1) {
    throw Error(ErrorKind::kInvalidArgument, "attach needs exactly one stream");
  }
  AttachSettings settings;
  settings.standard_input = flag(message.body, "stdin");
  settings.standard_output = flag(message.body, "stdout");
  settings.standard_error = flag(message.body, "stderr");
  settings.multiplexed = flag(message.body, "multiplexed");
  settings.detach_keys = from_hex(text(message.body, "detach_keys"));
  stdio_->attach(std::move(message.descriptors.front()), std::move(settings),
                 from_hex(text(message.body, "early")));
}

void Supervisor::fail(const runtime::LaunchFailure& failure) {
  if (init_) loop_.remove(init_->pidfd());
  init_.reset();
  phase_ = Phase::kExited;
  tell("failed", {{"message", failure.message}, {"exit_code", failure.exit_code}});
  finish();
}

void Supervisor::abandon() {
  if (phase_ == Phase::kRunning) {
    // Its end is recorded as any other; nobody has to be waited for.
    ::syscall(SYS_pidfd_send_signal, init_->pidfd(), SIGKILL, nullptr, 0);
    return;
  }
  if (phase_ == Phase::kExited) return;
  if (init_) loop_.remove(init_->pidfd());
  init_.reset();  // kills, reaps and removes the cgroup
  phase_ = Phase::kExited;
  finish();
}

void Supervisor::on_process_end() {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(init_->pidfd()), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0) {
    return;
  }
  loop_.remove(init_->pidfd());
  finished_at_ = format_rfc3339(now());
  exit_code_ = info.si_code == CLD_EXITED ? info.si_status : kSignalBase + info.si_status;
  if (phase_ != Phase::kRunning) {
    // Killed before its program ran.
    fail({runtime::Stage::kExec, "the container's process was killed before its program ran", 0,
          exit_code_});
    return;
  }
  if (const auto& cgroup = init_->cgroup()) oom_killed_ = cgroup->oom_kills() > 0;
  stdio_->drain([this] { on_drained(); });
}

void Supervisor::on_drained() {
  tcp_.clear();
  udp_.clear();
  if (const auto& cgroup = init_->cgroup()) {
    cgroup->kill_all();
    (void)cgroup->remove();
  }
  phase_ = Phase::kExited;
  write_record();
  tell("exited", record());
  finish();
}

void Supervisor::write_record() {
  const std::string content = record().dump();
  Fd file(
      ::openat(folder_.get(), kRecordDraft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kRecordMode));
  // A full disk loses the record, not the daemon's message; then a daemon that is away learns 255.
  if (!file ||
      ::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    return;
  ::renameat(folder_.get(), kRecordDraft, folder_.get(), kRecordFile);
}

void Supervisor::finish() {
  loop_.stop();
}

}  // namespace berth::shim
