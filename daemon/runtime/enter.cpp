#include "daemon/runtime/enter.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/privileges.hpp"
#include "daemon/runtime/proc_settings.hpp"
#include "daemon/runtime/process_steps.hpp"
#include "daemon/runtime/report_reader.hpp"
#include "daemon/runtime/user_namespace.hpp"

namespace berth::runtime {

namespace {

constexpr int kSetUpFailed = 125;
constexpr int kFirstFree = 3;

/// What the cloned processes need; worked out before the clone.
struct EnterPlan {
  InitPlan process;
  int init_pidfd = -1;
  int namespaces = 0;  // CLONE_NEW...
  bool other_user_namespace = false;
  std::optional<rlimit64> file_limit;
  std::array<int, 5> kept{};  // descriptors, sorted; -1 for none
};

/// Joining the user namespace that one is in is refused (setns(2)).
bool is_in_other_user_namespace(pid_t init) {
  struct stat own{};
  struct stat its{};
  const std::string path = "/proc/" + std::to_string(init) + "/ns/user";
  check_errno(::stat("/proc/self/ns/user", &own), "stat", "/proc/self/ns/user");
  check_errno(::stat(path.c_str(), &its), "stat", path);
  return own.st_ino != its.st_ino || own.st_dev != its.st_dev;
}

EnterPlan make_enter_plan(const Spec& spec, const EnterOptions& options, int control) {
  EnterPlan plan;
  plan.process = make_process_plan(spec, options.launch);
  if (options.cgroup != nullptr) plan.process.join_files = options.cgroup->self_join_files();
  plan.init_pidfd = options.init_pidfd;
  plan.file_limit = options.file_limit;
  plan.namespaces =
      CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWCGROUP;
  const auto& stdio = plan.process.stdio;
  plan.kept = {control, options.init_pidfd, stdio[0], stdio[1], stdio[2]};
  std::sort(plan.kept.begin(), plan.kept.end());
  return plan;
}

/// Everything else that the caller has open is the host's. What enters the container must not have
/// it: a process in there may be quick enough to look into one that enters (CVE-2016-9962,
/// CVE-2024-21626).
bool close_others(const EnterPlan& plan, Report& report) {
  auto from = static_cast<unsigned>(kFirstFree);
  for (const int fd : plan.kept) {
    if (fd < kFirstFree) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > from && ::close_range(from, number - 1, 0) != 0) return report.fail("close_range");
    from = number + 1;
  }
  return ::close_range(from, ~0U, 0) == 0 || report.fail("close_range");
}

bool restore_file_limit(const EnterPlan& plan, Report& report) {
  if (!plan.file_limit) return true;
  report.enter(Stage::kLimits);
  return ::prlimit64(0, RLIMIT_NOFILE, &*plan.file_limit, nullptr) == 0 ||
         report.fail("prlimit", "RLIMIT_NOFILE");
}

/// The program's process: in all namespaces from birth.
int run_session(const EnterPlan& plan, Report& report) {
  ::setsid();
  ::umask(0);
  if (plan.other_user_namespace && !become_root_of_namespace(report)) return kSetUpFailed;
  MountedRoot mounted;
  mounted.root.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!mounted.root) {
    report.fail("open", "/");
    return kSetUpFailed;
  }
  Terminal terminal;
  Identity identity;
  const bool has_terminal = plan.process.spec->process.terminal;
  if (has_terminal && !open_session_terminal(plan.process, report, mounted, terminal))
    return kSetUpFailed;
  if (!prepare_program(plan.process, report, mounted.root.get(), terminal, identity))
    return kSetUpFailed;
  report.tell(InitMessage::Type::kReady, terminal.master.get());
  terminal = Terminal();
  mounted = MountedRoot();
  return become_program(plan.process, report, identity);
}

/// A process namespace is for children alone (setns(2)), and nobody in it shall see this process
/// before it has let go of everything of the host's. Hence a second one, which is the caller's
/// child as this one is.
int clone_session(const EnterPlan& plan, Report& report) {
  report.enter(Stage::kClone);
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PARENT | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  const long process = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (process == 0) ::_exit(run_session(plan, report));
  if (process < 0) {
    report.fail("clone3");
    return kSetUpFailed;
  }
  report.tell(InitMessage::Type::kCloned, pidfd);
  return 0;
}

int run_helper(const EnterPlan& plan, Report& report) {
  // While /proc and the control groups are still the host's: no container can have put anything
  // over them. All of it is inherited.
  if (!close_others(plan, report) || !write_proc_settings(plan.process, report) ||
      !restore_file_limit(plan, report) || !join_groups(plan.process, report)) {
    return kSetUpFailed;
  }
  // The rights to raise a limit are those of the present user namespace.
  if (plan.other_user_namespace && !set_rlimits(plan.process, report)) return kSetUpFailed;
  report.enter(Stage::kNamespaces);
  // All of them in one step, by a descriptor that cannot come to mean another process (Linux 5.8).
  if (::setns(plan.init_pidfd, plan.namespaces) != 0) {
    report.fail("setns", "the container's namespaces");
    return kSetUpFailed;
  }
  return clone_session(plan, report);
}

[[noreturn]] void run_enter(const EnterPlan& plan, int control) noexcept {
  Report report(control);
  // Inherited by the second process; execve(2) sets it back (CVE-2016-9962).
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  reset_signals();
  ::_exit(run_helper(plan, report));
}

long clone_into(const Fd& group, int& pidfd) {
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (group) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(group.get());
  }
  return ::syscall(SYS_clone3, &arguments, sizeof arguments);
}

/// v2: where PID 1 is now; empty when that is not below the container's own group.
Fd present_group(const Cgroup& cgroup, pid_t init) {
  static constexpr std::string_view kPrefix = "0::";
  const std::string text = read_file("/proc/" + std::to_string(init) + "/cgroup");
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(kPrefix)) continue;
    const std::string path(line.substr(kPrefix.size()));
    if (!path.starts_with(cgroup.path() + "/")) break;
    const std::string place = cgroup.layout().hierarchies.front().mount_point + path;
    return Fd(::open(place.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  return Fd();
}

long clone_helper(const EnterOptions& options, int& pidfd) {
  const Fd group = options.cgroup != nullptr ? options.cgroup->clone_target() : Fd();
  const long result = clone_into(group, pidfd);
  if (result >= 0 || errno != EBUSY || !group) return result;
  // An init such as systemd has moved itself further down and shares its controllers out: then no
  // process may be in the group itself (cgroups(7), "no internal processes").
  const Fd present = present_group(*options.cgroup, options.init);
  errno = EBUSY;
  return present ? clone_into(present, pidfd) : result;
}

void reap(Fd& process) noexcept {
  if (!process) return;
  while (::waitid(P_PIDFD, static_cast<id_t>(process.get()), nullptr, WEXITED) < 0 &&
         errno == EINTR) {
  }
  process.reset();
}

}  // namespace

EnteringProcess enter(Process process, const EnterOptions& options) {
  Spec spec;
  spec.process = std::move(process);
  const bool other_user_namespace = is_in_other_user_namespace(options.init);
  if (other_user_namespace) {
    const std::string folder = "/proc/" + std::to_string(options.init);
    spec.uid_mappings = parse_id_map(read_file(folder + "/uid_map"));
    spec.gid_mappings = parse_id_map(read_file(folder + "/gid_map"));
  }
  SocketPair ends = make_socket_pair(SOCK_SEQPACKET);
  EnteringProcess entering;
  entering.control_ = above_stdio(std::move(ends.first));
  const Fd child_end = above_stdio(std::move(ends.second));
  EnterPlan plan = make_enter_plan(spec, options, child_end.get());
  plan.other_user_namespace = other_user_namespace;
  if (other_user_namespace) {
    plan.namespaces |= CLONE_NEWUSER;
    give_streams_to_root(plan.process);
  }
  int pidfd = -1;
  const long result = clone_helper(options, pidfd);
  if (result == 0) run_enter(plan, child_end.get());
  check_errno(result, "clone3", "session");
  entering.helper_.reset(pidfd);
  set_nonblocking(entering.control_.get(), true);
  return entering;
}

EnteringProcess::~EnteringProcess() {
  kill();
  reap(helper_);
  reap(pidfd_);
}

void EnteringProcess::kill() const noexcept {
  // pidfd_send_signal(2): never another process that got the number meanwhile.
  for (const Fd* process : {&helper_, &pidfd_})
    if (*process) ::syscall(SYS_pidfd_send_signal, process->get(), SIGKILL, nullptr, 0);
  // Its number is its group's (setsid(2)), and nobody else's until it is reaped.
  if (pidfd_ && pid_ > 1) ::kill(-pid_, SIGKILL);
}

EnteringProcess::Progress EnteringProcess::advance() {
  for (;;) {
    Received received;
    const ReportStatus status = receive_report(control_.get(), received);
    if (status == ReportStatus::kNothing) return Progress::kNone;
    if (status == ReportStatus::kClosed) return conclude();
    switch (received.message.type) {
      case InitMessage::Type::kCloned:
        pidfd_ = std::move(received.passed);
        pid_ = pid_of(pidfd_.get());
        break;
      case InitMessage::Type::kReady:
        terminal_ = std::move(received.passed);
        if (terminal_) return Progress::kTerminal;
        break;
      case InitMessage::Type::kFailure:
        failure_ = received.failure();
        break;
      case InitMessage::Type::kNamespaces:
      case InitMessage::Type::kWarning:
        // The same was said when the container started.
        break;
    }
  }
}

/// Every process has closed its end: by execve(2), or because it ended.
EnteringProcess::Progress EnteringProcess::conclude() {
  reap(helper_);
  if (!pidfd_ && !failure_) {
    failure_ = {Stage::kNamespaces, "the session's process ended before it was set up", 0,
                kSetUpFailed};
  }
  if (!failure_) return Progress::kRunning;
  reap(pidfd_);
  return Progress::kFailed;
}

int session_exit_code(const LaunchFailure& failure) {
  constexpr int kNotFound = 127;
  constexpr int kCannotInvoke = 126;
  if (failure.exit_code != kSetUpFailed) return failure.exit_code;
  return failure.system_error == ENOENT ? kNotFound : kCannotInvoke;
}

}  // namespace berth::runtime
