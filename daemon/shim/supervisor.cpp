#include "daemon/shim/supervisor.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/shim/log_sinks.hpp"
#include "daemon/shim/oci_process.hpp"
#include "daemon/shim/restored_process.hpp"

namespace berth::shim {

namespace {

constexpr int kSignalBase = 128;
constexpr int kCannotStart = 125;
constexpr std::chrono::seconds kRecordRetry{5};

std::vector<std::byte> read_filter() {
  const Fd file(kSeccompFd);
  const std::string bytes = read_all(file.get(), "seccomp filter");
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return {begin, begin + bytes.size()};
}

std::string read_document() {
  const Fd file(kDocumentFd);
  return read_all(file.get(), "launch document");
}

/// To be called once PID 1 exists, which inherits neither. Both are wishes: without
/// CAP_SYS_RESOURCE the first is refused.
void protect_self() {
  // Out of memory, the kernel shall take the container and not the one who would report it.
  constexpr std::string_view kScore = "-999";
  const Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score) (void)!::write(score.get(), kScore.data(), kScore.size());
  // Connections to published ports take descriptors.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

/// As criu calls it: "pipe:[4711]".
std::string stream_name(const Fd& stream) {
  if (!stream) return {};
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(stream.get())).native();
}

rlimit64 open_file_limit() {
  rlimit64 limit{};
  check_errno(::getrlimit64(RLIMIT_NOFILE, &limit), "getrlimit");
  return limit;
}

/// How many connections, or UDP clients, each of so many ports may have at a time: what a flood of
/// clients can make a shim hold.
std::size_t most_connections(std::size_t ports) {
  constexpr std::size_t kReserved = 128;
  constexpr std::size_t kDescriptorsEach = 6;  // of a TCP connection: two sockets, two pipes
  constexpr std::size_t kFewest = 4;
  constexpr std::size_t kMost = 512;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return kFewest;
  const std::size_t all = std::max<std::size_t>(files.rlim_max, kReserved) - kReserved;
  return std::clamp(all / kDescriptorsEach / std::max<std::size_t>(ports, 1), kFewest, kMost);
}

}  // namespace

Supervisor::Supervisor(std::string id)
    : id_(std::move(id)),
      file_limit_(open_file_limit()),
      sessions_(loop_, {[this](std::string_view type, nlohmann::json body) {
                          return tell(type, std::move(body));
                        },
                        [this] { return static_cast<bool>(control_); }}) {
  // A daemon that hangs must not make its containers hang.
  set_nonblocking(control_.get(), true);
  set_nonblocking(listener_.get(), true);
}

void Supervisor::run() {
  try {
    watch_control();
    loop_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { on_reconnect(); });
    launch();
    protect_self();
    loop_.run();
  } catch (const std::exception& error) {
    break_off(error.what());
  }
  ::unlinkat(sockets_.get(), id_.c_str(), 0);
}

// --- the start -----------------------------------------------------------------------------------

void Supervisor::launch() {
  try {
    const std::string text = read_document();
    const runtime::LaunchDocument document = runtime::parse_launch_document(text);
    const std::vector<std::byte> filter = read_filter();
    prepare_forwarders(document);
    runtime::LaunchOptions options;
    options.seccomp_filter = filter;
    options.on_namespaces = [this](pid_t pid, int network_namespace) {
      tell("created", {{"pid", pid}}, std::array{network_namespace});
    };
    prepare_stdio(document, options);
    if (document.restore) {
      init_ = std::make_unique<RestoredProcess>(document, folder_.get(), options);
    } else if (document.runtime) {
      init_ = std::make_unique<OciProcess>(document, text, folder_.get(), sockets_.get(), options);
    } else {
      init_ = std::make_unique<NativeProcess>(runtime::launch_init(document, options));
    }
    process_ends_.clear();
    if (init_->terminal()) stdio_->use_terminal(std::move(init_->terminal()));
  } catch (const runtime::LaunchError& error) {
    fail(error.failure());
    return;
  } catch (const Error& error) {
    fail({runtime::Stage::kClone, error.what(), error.system_error(), kCannotStart});
    return;
  }
  phase_ = Phase::kCreated;
  if (init_->pidfd() >= 0) watch_process();
}

void Supervisor::watch_process() {
  loop_.add(init_->pidfd(), EPOLLIN, [this](std::uint32_t) { on_process_end(); });
}

void Supervisor::prepare_forwarders(const runtime::LaunchDocument& document) {
  std::vector<Fd> sockets;
  for (const runtime::ForwardSettings& port : document.forward)
    sockets.emplace_back(kFirstForwardFd + port.fd_index);
  forward(document.forward, std::move(sockets));
}

void Supervisor::forward(std::vector<runtime::ForwardSettings> ports, std::vector<Fd> sockets) {
  const std::size_t most = most_connections(ports.size());
  Forwarders forwarders;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const sockaddr_in target = container_address(ports[i].container_ip, ports[i].container_port);
    set_nonblocking(sockets[i].get(), true);
    if (ports[i].protocol == "udp") {
      forwarders.udp.emplace_back(loop_, std::move(sockets[i]), target, most);
    } else {
      forwarders.tcp.emplace_back(loop_, std::move(sockets[i]), target, most);
    }
  }
  std::swap(forwarders_, forwarders);
}

void Supervisor::prepare_stdio(const runtime::LaunchDocument& document,
                               runtime::LaunchOptions& options) {
  log_events_.lost = [this](std::uint64_t lines, const std::string& why) {
    if (std::exchange(lost_lines_, lost_lines_ + lines) == 0)
      warn("lines of the container's log are lost: " + why);
  };
  log_events_.ready = [this] {
    if (stdio_) stdio_->log_ready();
  };
  log_.emplace(make_log_sinks(loop_, folder_.get(), document.log, log_events_));
  stdio_.emplace(loop_, &*log_);
  stdio_->when_detached([this] { tell("detached", nlohmann::json::object()); });
  if (document.oci.process.terminal) return;
  Pipe input;
  if (document.open_stdin) input = make_pipe();
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  options.standard_input = input.read.get();
  options.standard_output = output.write.get();
  options.standard_error = error.write.get();
  streams_ = {stream_name(input.read), stream_name(output.write), stream_name(error.write)};
  process_ends_.push_back(std::move(input.read));
  process_ends_.push_back(std::move(output.write));
  process_ends_.push_back(std::move(error.write));
  stdio_->use_pipes(std::move(input.write), std::move(output.read), std::move(error.read),
                    document.stdin_once);
}

// --- the end -------------------------------------------------------------------------------------

void Supervisor::fail(const runtime::LaunchFailure& failure) {
  if (init_) loop_.remove(init_->pidfd());
  init_.reset();
  phase_ = Phase::kExited;
  tell("failed", {{"message", failure.message}, {"exit_code", failure.exit_code}});
  loop_.stop();
}

void Supervisor::abandon() {
  if (phase_ == Phase::kRunning) {
    // Its end is recorded as any other; nobody has to be waited for.
    ::syscall(SYS_pidfd_send_signal, init_->pidfd(), SIGKILL, nullptr, 0);
    return;
  }
  if (init_ && phase_ != Phase::kExited) {
    loop_.remove(init_->pidfd());
    init_.reset();  // kills, reaps and removes the cgroup
  }
  phase_ = Phase::kExited;
  loop_.stop();
}

void Supervisor::on_process_end() {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(init_->pidfd()), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0) {
    return;
  }
  loop_.remove(init_->pidfd());
  record_.finished_at = format_rfc3339(now());
  record_.exit_code = info.si_code == CLD_EXITED ? info.si_status : kSignalBase + info.si_status;
  if (phase_ != Phase::kRunning) {
    fail({runtime::Stage::kExec, "the container's process was killed before its program ran", 0,
          record_.exit_code});
    return;
  }
  forwarders_ = {};
  oom_watch_.reset();
  if (const auto& cgroup = init_->cgroup()) {
    record_.oom_killed = cgroup->oom_kills() > 0;
    // Those of a process namespace went with PID 1; in the host's, others would go on, and keep the
    // output open.
    cgroup->kill_all();
  }
  stdio_->drain([this] { sessions_.end_all([this] { log_->close([this] { on_drained(); }); }); });
}

void Supervisor::on_drained() {
  phase_ = Phase::kExited;
  init_->clean_up();
  const bool saved = write_end_record(folder_.get(), record_);
  if (const auto& cgroup = init_->cgroup()) {
    try {
      (void)cgroup->remove();
    } catch (const Error&) {
      // The daemon's recovery looks for groups without a container.
    }
  }
  const bool told = tell("exited", to_json(record_));
  if (saved || told) {
    loop_.stop();
  } else {
    // A full disk, and no daemon: nobody would ever know. Wait for either to change.
    loop_.after(kRecordRetry, [this] { record_end(); });
  }
}

void Supervisor::record_end() {
  if (write_end_record(folder_.get(), record_)) {
    loop_.stop();
  } else {
    loop_.after(kRecordRetry, [this] { record_end(); });
  }
}

/// Something that the container has no part in went wrong in here, such as a lack of memory. What
/// can still be done is to end in order and say why.
void Supervisor::break_off(const std::string& why) noexcept {
  try {
    if (phase_ == Phase::kRunning) {
      ::syscall(SYS_pidfd_send_signal, init_->pidfd(), SIGKILL, nullptr, 0);
      (void)::waitid(P_PIDFD, static_cast<id_t>(init_->pidfd()), nullptr, WEXITED);
      if (record_.finished_at.empty()) {
        record_.exit_code = kSignalBase + SIGKILL;
        record_.finished_at = format_rfc3339(now());
      }
      record_.error = "the container's shim failed: " + why;
      if (log_) log_->finish();
      (void)write_end_record(folder_.get(), record_);
      if (const auto& cgroup = init_->cgroup()) {
        cgroup->kill_all();
        (void)cgroup->remove();
      }
      (void)tell("exited", to_json(record_));
    } else if (phase_ != Phase::kExited) {
      (void)tell("failed", {{"message", why}, {"exit_code", kCannotStart}});
      init_.reset();
    }
  } catch (const std::exception&) {
    // Then the daemon sees the connection close, and PID 1 goes with us.
  }
}

}  // namespace berth::shim
