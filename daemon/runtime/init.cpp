#include "daemon/runtime/init.hpp"

#include <csignal>

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/runtime/devices.hpp"
#include "daemon/runtime/exec.hpp"
#include "daemon/runtime/in_root.hpp"
#include "daemon/runtime/namespaces.hpp"
#include "daemon/runtime/privileges.hpp"
#include "daemon/runtime/proc_settings.hpp"
#include "daemon/runtime/terminal.hpp"
#include "daemon/runtime/user_namespace.hpp"

namespace berth::runtime {

namespace {

constexpr int kSetUpFailed = 125;

/// The caller blocks and ignores signals for its own ends; the program starts with none of that.
void reset_signals() {
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool join_cgroup(const InitPlan& plan, Report& report) {
  report.enter(Stage::kCgroup);
  if (plan.has_cgroup && !report.wait_for(kCgroupsReady)) return false;
  // In a user namespace the parent has done it.
  for (const std::string& path : plan.join_files) {
    if (plan.in_user_namespace()) break;
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), "0", 1) != 1) return report.fail("join cgroup", path);
  }
  // Its root is the group that the process is in at this moment.
  if (plan.new_cgroup_namespace && ::unshare(CLONE_NEWCGROUP) != 0) {
    return report.fail("unshare", "cgroup namespace");
  }
  return true;
}

/// A missing working directory is made, as images rely on.
bool make_working_directory(const InitPlan& plan, Report& report, int root) {
  report.enter(Stage::kWorkingDirectory);
  const std::string& cwd = plan.spec->process.cwd;
  if (open_or_make(root, cwd, Target::kDirectory) || errno == EROFS || errno == EACCES) return true;
  return report.fail("mkdir", cwd);
}

bool enter_as_host_root(const InitPlan& plan, Report& report, BindSources& sources,
                        MountedRoot& mounted) {
  return enter_namespaces(plan, report) && sources.take(plan, report) &&
         mount_root(plan, report, mounted);
}

bool enter_with_user(const InitPlan& plan, Report& report, BindSources& sources,
                     MountedRoot& mounted) {
  mounted.devices_are_bound = true;
  return become_mapped_root(report) && enter_namespaces(plan, report) &&
         receive_trees(plan, report, sources) &&
         mount_given_root(report, std::move(sources.root), mounted);
}

bool build(const InitPlan& plan, Report& report, BindSources& sources, MountedRoot& mounted,
           Terminal& terminal) {
  if (!(plan.in_user_namespace() ? enter_with_user(plan, report, sources, mounted)
                                 : enter_as_host_root(plan, report, sources, mounted))) {
    return false;
  }
  if (!write_proc_settings(plan, report)) return false;
  if (!mount_file_systems(plan, report, sources, mounted) ||
      !(mounted.devices_are_bound ? bind_devices(plan, report, mounted.root.get(), sources.devices)
                                  : make_devices(plan, report, mounted.root.get()))) {
    return false;
  }
  if (plan.spec->process.terminal && !open_terminal(plan, report, mounted, terminal)) return false;
  return make_working_directory(plan, report, mounted.root.get()) && join_cgroup(plan, report) &&
         mount_cgroups(plan, report, mounted) && protect_paths(plan, report, mounted) &&
         become_root(plan, report, mounted);
}

/// The environment's spare slot takes HOME when nobody else set it.
void set_home(const InitPlan& plan, const ResolvedUser& user, FixedText<4200>& home) {
  if (plan.has_home) return;
  home.append("HOME=");
  home.append(user.home.empty() || user.home.truncated() ? std::string_view("/")
                                                         : user.home.view());
  // Data of this process alone: the parent's copy of the plan is another.
  auto& environment = const_cast<std::vector<char*>&>(plan.environment);
  environment[environment.size() - 2] = const_cast<char*>(home.c_str());
}

/// PR_SET_PDEATHSIG says nothing about a parent that died before.
bool parent_lives(const Report& report) {
  pollfd entry{report.control(), 0, 0};
  return ::poll(&entry, 1, 0) == 0;
}

int run(const InitPlan& plan, Report& report, BindSources& sources) {
  MountedRoot mounted;
  Terminal terminal;
  ResolvedUser user;
  FixedText<4200> home;
  if (!build(plan, report, sources, mounted, terminal)) return kSetUpFailed;
  if (!set_up_stdio(plan, report, mounted.root.get(), terminal) ||
      !resolve_user(plan.spec->process.user, mounted.root.get(), report, user) ||
      !check_mapped(plan, report, user) || !give_stdio_to(report, user.uid) ||
      !set_rlimits(plan, report) || !leave_keyring(report)) {
    return kSetUpFailed;
  }
  set_home(plan, user, home);
  ::umask(plan.spec->process.user.umask.value_or(022));
  // All of ours are close-on-exec from birth; this covers what the caller may have leaked.
  static constexpr unsigned kFirst = 3;
  if (::close_range(kFirst, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    report.fail("close_range");
    return kSetUpFailed;
  }
  report.tell(InitMessage::Type::kReady, terminal.master.get());
  terminal = Terminal();
  if (!report.wait_for(kRelease)) return kSetUpFailed;
  if (!drop_privileges(plan, report, user) || !enter_working_directory(plan, report))
    return kSetUpFailed;
  if (plan.die_with_parent && !parent_lives(report)) return kSetUpFailed;
  return execute(plan, report);
}

}  // namespace

void run_init(const InitPlan& plan, int control, BindSources& sources) noexcept {
  Report report(control);
  ::umask(0);
  reset_signals();
  ::setsid();
  // No process of a namespace that we join may look into us while we still hold the host's
  // descriptors (CVE-2016-9962); execve(2) sets it back.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::_exit(run(plan, report, sources));
}

}  // namespace berth::runtime
