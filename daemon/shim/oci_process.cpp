#include "daemon/shim/oci_process.hpp"

#include <array>
#include <filesystem>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/process.hpp"
#include "common/scope_guard.hpp"
#include "common/text.hpp"
#include "daemon/runtime/bundle.hpp"

namespace berth::shim {

namespace {

using nlohmann::json;
using runtime::LaunchError;
using runtime::LaunchFailure;
using runtime::Stage;

constexpr std::chrono::seconds kCommandLimit{60};
constexpr std::chrono::milliseconds kTerminalLimit{10'000};

[[noreturn]] void give_up(Stage stage, std::string message, int exit_code = 125) {
  const auto kind = exit_code == 125 ? ErrorKind::kInternal : ErrorKind::kInvalidArgument;
  throw LaunchError(kind, LaunchFailure{stage, std::move(message), 0, exit_code});
}

/// Runtimes say in words alone what kept the program from running.
int exit_code_for(std::string_view message) {
  const std::string text = to_lower(message);
  const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  if (says("executable file") && says("not found")) return 127;
  if (says("no such file or directory")) return 127;
  if (says("permission denied") || says("exec format error") || says("is a directory")) return 126;
  return 125;
}

std::string path_of(int descriptor) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor)).native();
}

/// The specification for a runtime that knows nothing of ours: root and user are looked up already.
json foreign_spec(const runtime::LaunchDocument& document, std::string_view text) {
  const runtime::PreparedBundle prepared = runtime::prepare_bundle(document);
  json spec = json::parse(text).at("oci");
  // Nothing in it is newer, and crun 1.8 knows no later one.
  spec["ociVersion"] = "1.0.2";
  spec["root"]["path"] = prepared.root;
  json user{{"uid", prepared.uid}, {"gid", prepared.gid}};
  if (!prepared.groups.empty()) user["additionalGids"] = prepared.groups;
  if (document.oci.process.user.umask) user["umask"] = *document.oci.process.user.umask;
  spec["process"]["user"] = std::move(user);
  json& environment = spec["process"]["env"];
  const bool has_home =
      std::any_of(environment.begin(), environment.end(), [](const json& variable) {
        return variable.get_ref<const std::string&>().starts_with("HOME=");
      });
  if (!has_home && !prepared.home.empty()) environment.push_back("HOME=" + prepared.home);
  return spec;
}

/// A listening socket in the folder open at `folder`, and the path by which another process of
/// whatever mount namespace reaches it: the folder's own may be longer than a socket's may be.
struct ConsoleSocket {
  ConsoleSocket(int folder, const std::string& id) : folder(folder), name(id + ".console") {
    path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(folder) + "/" + name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) give_up(Stage::kTerminal, "socket name too long");
    path.copy(address.sun_path, path.size());
    socket = own_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    check_errno(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                "bind", name);
    check_errno(::listen(socket.get(), 1), "listen", name);
  }
  ~ConsoleSocket() { ::unlinkat(folder, name.c_str(), 0); }
  ConsoleSocket(const ConsoleSocket&) = delete;
  ConsoleSocket& operator=(const ConsoleSocket&) = delete;

  /// The terminal's master end, which the runtime sends.
  Fd receive() const {
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(kTerminalLimit.count())) != 1)
      give_up(Stage::kTerminal, "the runtime sent no terminal");
    const Fd peer = own_fd(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept");
    std::array<char, 4096> name_of_terminal{};
    iovec data{name_of_terminal.data(), name_of_terminal.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    check_errno(::recvmsg(peer.get(), &header, MSG_CMSG_CLOEXEC), "recvmsg", name);
    const cmsghdr* part = CMSG_FIRSTHDR(&header);
    if (part == nullptr || part->cmsg_type != SCM_RIGHTS)
      give_up(Stage::kTerminal, "the runtime sent no terminal");
    int terminal = -1;
    std::memcpy(&terminal, CMSG_DATA(part), sizeof terminal);
    return Fd(terminal);
  }

  int folder;
  std::string name;
  std::string path;
  Fd socket;
};

}  // namespace

OciProcess::OciProcess(const runtime::LaunchDocument& document, std::string_view text, int folder,
                       int sockets, const runtime::LaunchOptions& options)
    : settings_(*document.runtime), id_(document.id), bundle_(path_of(folder) + "/bundle") {
  // PID 1's parent, the runtime's create command, ends: then it is ours.
  check_errno(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl", "PR_SET_CHILD_SUBREAPER");
  auto layout = runtime::detect_cgroups();
  if (!document.oci.cgroups_path.empty() && layout->mode != runtime::CgroupLayout::Mode::kNone) {
    cgroup_ = std::make_shared<runtime::Cgroup>(std::move(layout), document.oci.cgroups_path);
  }
  ScopeGuard undo([this] { clean_up(); });
  try {
    write_bundle(document, text);
    create(document, options, sockets);
    adopt();
  } catch (const LaunchError&) {
    throw;
  } catch (const std::exception& error) {
    give_up(Stage::kClone, error.what());
  }
  const std::string place = "/proc/" + std::to_string(pid_) + "/ns/net";
  const Fd network(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
  if (!network) give_up(Stage::kNamespaces, "open " + place + ": " + errno_text(errno));
  if (options.on_namespaces) options.on_namespaces(pid_, network.get());
  undo.release();
}

OciProcess::~OciProcess() {
  if (!released_) clean_up();
}

void OciProcess::write_bundle(const runtime::LaunchDocument& document, std::string_view text) {
  std::filesystem::remove_all(bundle_);
  std::filesystem::create_directories(settings_.root);
  check_errno(::mkdir(bundle_.c_str(), 0700), "mkdir", bundle_);
  const Fd config = open_file(bundle_ + "/config.json", O_WRONLY | O_CREAT | O_EXCL, 0600);
  write_all(config.get(), foreign_spec(document, text).dump(), bundle_);
}

void OciProcess::create(const runtime::LaunchDocument& document,
                        const runtime::LaunchOptions& options, int sockets) {
  std::vector<std::string> command = {"create", "--bundle", bundle_, "--pid-file",
                                      bundle_ + "/pid"};
  std::optional<ConsoleSocket> console;
  if (document.oci.process.terminal) {
    console.emplace(sockets, id_);
    command.insert(command.end(), {"--console-socket", console->path});
  }
  command.push_back(id_);
  if (const auto problem = run(std::move(command), &options)) {
    give_up(Stage::kExec, *problem, exit_code_for(*problem));
  }
  if (console) terminal_ = console->receive();
}

void OciProcess::adopt() {
  const std::string text = read_file(bundle_ + "/pid");
  const auto number = parse_number<pid_t>(trim(text));
  if (!number) give_up(Stage::kClone, "the runtime wrote no process id but \"" + text + "\"");
  pid_ = *number;
  pidfd_ = own_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
}

std::optional<LaunchFailure> OciProcess::release() {
  if (const auto problem = run({"start", id_})) {
    clean_up();
    return LaunchFailure{Stage::kExec, *problem, 0, exit_code_for(*problem)};
  }
  released_ = true;
  return std::nullopt;
}

void OciProcess::clean_up() noexcept {
  if (std::exchange(cleaned_up_, true)) return;
  try {
    (void)run({"delete", "--force", id_});
    if (pidfd_) (void)::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), nullptr, WEXITED);
    if (cgroup_ && !released_) {
      cgroup_->kill_all();
      (void)cgroup_->remove();
    }
    std::filesystem::remove_all(bundle_);
  } catch (const std::exception&) {
    // What stays lies in the container's folder and goes with it.
  }
}

std::optional<std::string> OciProcess::run(std::vector<std::string> arguments,
                                           const runtime::LaunchOptions* stdio) {
  const std::string log = bundle_ + "/log.json";
  ::unlink(log.c_str());
  ProcessOptions options;
  options.argv.push_back(settings_.path);
  options.argv.insert(options.argv.end(), settings_.args.begin(), settings_.args.end());
  options.argv.insert(options.argv.end(),
                      {"--root", settings_.root, "--log", log, "--log-format", "json"});
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.deadline = kCommandLimit;
  Fd nothing;
  if (stdio != nullptr) {
    // The container's own from the beginning.
    nothing = open_file("/dev/null", O_RDWR);
    const auto or_nothing = [&](int fd) { return fd >= 0 ? fd : nothing.get(); };
    options.standard_input = or_nothing(stdio->standard_input);
    options.standard_output = or_nothing(stdio->standard_output);
    options.standard_error = or_nothing(stdio->standard_error);
  }
  const ProcessResult result = run_process(options);
  if (result.exit_code == 0) return std::nullopt;
  std::string message = log_message();
  if (message.empty()) message = trim(result.standard_error);
  if (message.empty()) message = "exit code " + std::to_string(result.exit_code);
  return settings_.name + " " + arguments.front() + ": " + message;
}

/// The last error that the runtime logged: one JSON object a line.
std::string OciProcess::log_message() const {
  std::string message;
  try {
    const std::string text = read_file(bundle_ + "/log.json");
    for (const std::string_view line : split(text, '\n')) {
      const json entry = json::parse(line, nullptr, false);
      if (entry.is_object() && entry.value("level", "") == "error")
        message = entry.value("msg", "");
    }
  } catch (const Error&) {
    // It did not get that far.
  }
  return message;
}

}  // namespace berth::shim
