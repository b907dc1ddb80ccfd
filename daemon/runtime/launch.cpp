#include "daemon/runtime/launch.hpp"

#include <array>
#include <climits>
#include <csignal>

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.hpp"
#include "daemon/runtime/init.hpp"
#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/namespaces.hpp"
#include "daemon/runtime/report_reader.hpp"
#include "daemon/runtime/user_namespace.hpp"

namespace berth::runtime {

namespace {

bool is_users_fault(const LaunchFailure& failure) {
  return failure.exit_code != 125 || failure.stage == Stage::kUser ||
         failure.stage == Stage::kSysctl || failure.stage == Stage::kWorkingDirectory;
}

[[noreturn]] void refuse(LaunchFailure failure) {
  const auto kind = is_users_fault(failure) ? ErrorKind::kInvalidArgument : ErrorKind::kInternal;
  throw LaunchError(kind, std::move(failure));
}

}  // namespace

const char* stage_name(Stage stage) {
  static constexpr std::array<const char*, 15> kNames = {
      "clone", "cgroup",   "namespaces", "rootfs", "mounts",     "devices", "sysctl",
      "pivot", "terminal", "user",       "limits", "privileges", "seccomp", "working directory",
      "exec"};
  return kNames[static_cast<std::size_t>(stage)];
}

/// The steps of launch_init() in the parent.
class Launcher {
 public:
  Launcher(const LaunchDocument& document, const LaunchOptions& options)
      : document_(document), options_(options) {}

  InitProcess run() {
    stage_ = Stage::kCgroup;
    name_cgroup();
    InitPlan plan = make_init_plan(document_, options_, process_.cgroup_.get());
    process_.warnings_ = plan.warnings;
    // v2 has the process born inside, so the group comes first; v1 makes nine of them, while the
    // process mounts.
    const bool v2 = process_.cgroup_ && process_.cgroup_->layout().mode == CgroupLayout::Mode::kV2;
    Resources resources = document_.oci.resources;
    // It would be bound by its device rules while it still makes its nodes; v1's come in time, for
    // there it joins after that.
    Resources devices;
    if (v2) std::swap(devices.devices, resources.devices);
    if (v2) create_cgroup(resources);
    clone(plan);
    if (process_.cgroup_ && !v2) create_cgroup(resources);
    if (plan.in_user_namespace()) join_cgroups_for(process_.pid_, plan, process_.warnings_);
    if (process_.cgroup_) send(kCgroupsReady);
    wait_until_ready();
    if (plan.in_user_namespace()) set_rlimits_of(process_.pid_, document_.oci, process_.warnings_);
    if (v2) restrict(devices);
    return std::move(process_);
  }

  Stage stage() const { return stage_; }

 private:
  void name_cgroup() {
    if (document_.oci.cgroups_path.empty()) return;
    auto layout = detect_cgroups();
    if (layout->mode == CgroupLayout::Mode::kNone) {
      check_no_limits();
      process_.warnings_.emplace_back("the container has no cgroup: this machine mounts none");
      return;
    }
    process_.cgroup_ = std::make_shared<Cgroup>(std::move(layout), document_.oci.cgroups_path);
  }

  void check_no_limits() const {
    // Through the same words as a missing controller: a layout without hierarchies lacks them all.
    Cgroup(std::make_shared<CgroupLayout>(), document_.oci.cgroups_path)
        .update(document_.oci.resources);
  }

  void create_cgroup(const Resources& resources) {
    stage_ = Stage::kCgroup;
    add_warnings(process_.cgroup_->create(resources));
  }

  void restrict(const Resources& resources) {
    stage_ = Stage::kCgroup;
    add_warnings(process_.cgroup_->update(resources));
  }

  void add_warnings(std::vector<std::string> warnings) {
    for (std::string& warning : warnings)
      process_.warnings_.push_back(std::move(warning));
  }

  void clone(InitPlan& plan) {
    stage_ = Stage::kClone;
    SocketPair ends = make_socket_pair(SOCK_SEQPACKET);
    process_.control_ = above_stdio(std::move(ends.first));
    const Fd child_end = above_stdio(std::move(ends.second));
    BindSources sources(plan.mounts.size());
    const Namespace* pid_namespace = document_.oci.find_namespace(NamespaceKind::kPid);
    const bool joins = pid_namespace != nullptr && !pid_namespace->path.empty();
    const Fd joined = joins ? open_namespace(pid_namespace->path, NamespaceKind::kPid) : Fd();
    const Fd group = process_.cgroup_ ? process_.cgroup_->clone_target() : Fd();

    SocketPair trees;
    if (plan.in_user_namespace()) {
      trees = make_socket_pair(SOCK_SEQPACKET);
      plan.trees = trees.first.get();
      plan.trees_other = trees.second.get();
      give_streams_to_root(plan);
    }

    int pidfd = -1;
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    // The other namespaces PID 1 makes by itself, while the parent makes cgroups.
    const bool new_processes = pid_namespace != nullptr && !joins;
    // Into a user namespace that is there already it is cloned from inside.
    if (new_processes && !plan.user_namespace) arguments.flags |= CLONE_NEWPID;
    if (plan.makes_user_namespace) arguments.flags |= CLONE_NEWUSER;
    if (group) {
      arguments.flags |= CLONE_INTO_CGROUP;
      arguments.cgroup = static_cast<std::uint64_t>(group.get());
    }
    long result = -1;
    {
      // A stepping stone goes there by itself: no process with the host's powers is to be seen
      // there.
      const ChildPidNamespace scope(plan.user_namespace ? -1 : joined.get());
      result = ::syscall(SYS_clone3, &arguments, sizeof arguments);
      if (result == 0 && plan.user_namespace) {
        clone_in_user_namespace(plan, child_end.get(), sources, joined.get(), new_processes);
      }
      if (result == 0) run_init(plan, child_end.get(), sources);
    }
    check_errno(result, "clone3");
    process_.pid_ = static_cast<pid_t>(result);
    process_.pidfd_.reset(pidfd);
    if (plan.in_user_namespace()) help_user(plan, child_end.get(), std::move(trees), sources);
  }

  /// What PID 1 of a user namespace waits for.
  void help_user(const InitPlan& plan, int control, SocketPair trees, BindSources& sources) {
    stage_ = Stage::kNamespaces;
    if (plan.user_namespace) take_clone();
    if (plan.makes_user_namespace) write_id_maps(process_.pid_, document_.oci);
    const Fd user = plan.user_namespace
                        ? plan.user_namespace.duplicate()
                        : open_namespace("/proc/" + std::to_string(process_.pid_) + "/ns/user",
                                         NamespaceKind::kUser);
    helper_.emplace(plan, user.get(), control, trees.second.get(), sources);
    send(kMapsWritten);
  }

  /// The process so far was a stepping stone; PID 1 is what it made.
  void take_clone() {
    Received received;
    if (receive_report(process_.control_.get(), received) == ReportStatus::kClosed)
      refuse({stage_, "PID 1 ended before it was cloned", 0, 125});
    if (received.message.type != InitMessage::Type::kCloned) refuse(received.failure());
    const pid_t before = process_.pid_;
    process_.pidfd_ = std::move(received.passed);
    process_.pid_ = pid_of(process_.pidfd_.get());
    while (::waitpid(before, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  void send(char word) {
    // PID 1 may be gone already, with a reason that is still to be read.
    if (::send(process_.control_.get(), &word, 1, MSG_NOSIGNAL) < 0 && errno != EPIPE) {
      throw_errno("send", "PID 1");
    }
  }

  void take_network_namespace(Fd handle) {
    process_.network_namespace_ = std::move(handle);
    if (options_.on_namespaces) options_.on_namespaces(process_.pid_, process_.network_namespace());
  }

  void wait_until_ready() {
    for (;;) {
      Received received;
      if (receive_report(process_.control_.get(), received) == ReportStatus::kClosed) {
        refuse({stage_, "PID 1 ended before it was set up", 0, 125});
      }
      stage_ = received.message.stage;
      switch (received.message.type) {
        case InitMessage::Type::kNamespaces:
          take_network_namespace(std::move(received.passed));
          break;
        case InitMessage::Type::kCloned:
          break;
        case InitMessage::Type::kWarning:
          process_.warnings_.push_back(received.text());
          break;
        case InitMessage::Type::kReady:
          process_.terminal_ = std::move(received.passed);
          return;
        case InitMessage::Type::kFailure:
          refuse(received.failure());
      }
    }
  }

  const LaunchDocument& document_;
  const LaunchOptions& options_;
  InitProcess process_;
  std::optional<TreeHelper> helper_;
  Stage stage_ = Stage::kClone;
};

InitProcess launch_init(const LaunchDocument& document, const LaunchOptions& options) {
  Launcher launcher(document, options);
  try {
    return launcher.run();
  } catch (const LaunchError&) {
    throw;
  } catch (const Error& error) {
    throw LaunchError(error.kind(), {launcher.stage(), error.what(), error.system_error(), 125});
  }
}

InitProcess::InitProcess(InitProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      network_namespace_(std::move(other.network_namespace_)),
      terminal_(std::move(other.terminal_)),
      control_(std::move(other.control_)),
      cgroup_(std::move(other.cgroup_)),
      warnings_(std::move(other.warnings_)),
      running_(other.running_) {}

InitProcess::~InitProcess() {
  discard();
}

void InitProcess::discard() noexcept {
  if (running_) return;
  if (pid_ > 0) {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), nullptr, WEXITED) < 0 &&
           errno == EINTR) {
    }
    pid_ = -1;
  }
  if (cgroup_) {
    try {
      cgroup_->remove();
    } catch (const std::exception&) {
      // The daemon's recovery looks for groups without a container.
    }
    cgroup_.reset();
  }
}

std::optional<LaunchFailure> InitProcess::release() {
  const char word = kRelease;
  if (::send(control_.get(), &word, 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
    throw_errno("send", "PID 1");
  for (;;) {
    Received received;
    if (receive_report(control_.get(), received) == ReportStatus::kClosed) {
      // Closed by a successful exec; also by a SIGKILL from outside, which then is the exit status.
      running_ = true;
      control_.reset();
      return std::nullopt;
    }
    if (received.message.type == InitMessage::Type::kWarning) warnings_.push_back(received.text());
    if (received.message.type == InitMessage::Type::kFailure) {
      discard();
      return received.failure();
    }
  }
}

}  // namespace berth::runtime
