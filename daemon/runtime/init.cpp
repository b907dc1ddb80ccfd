#include "daemon/runtime/init.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/runtime/devices.hpp"
#include "daemon/runtime/in_root.hpp"
#include "daemon/runtime/namespaces.hpp"
#include "daemon/runtime/proc_settings.hpp"
#include "daemon/runtime/process_steps.hpp"
#include "daemon/runtime/terminal.hpp"
#include "daemon/runtime/user_namespace.hpp"

namespace berth::runtime {

namespace {

constexpr int kSetUpFailed = 125;

bool join_cgroup(const InitPlan& plan, Report& report) {
  report.enter(Stage::kCgroup);
  if (plan.has_cgroup && !report.wait_for(kCgroupsReady)) return false;
  // In a user namespace the parent has done it.
  if (!plan.in_user_namespace() && !join_groups(plan, report)) return false;
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

int run(const InitPlan& plan, Report& report, BindSources& sources) {
  MountedRoot mounted;
  Terminal terminal;
  Identity identity;
  if (!build(plan, report, sources, mounted, terminal) ||
      !prepare_program(plan, report, mounted.root.get(), terminal, identity)) {
    return kSetUpFailed;
  }
  report.tell(InitMessage::Type::kReady, terminal.master.get());
  terminal = Terminal();
  if (!report.wait_for(kRelease)) return kSetUpFailed;
  return become_program(plan, report, identity);
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
