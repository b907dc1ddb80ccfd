#include "daemon/runtime/visit.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/rootfs.hpp"
#include "daemon/runtime/step_report.hpp"
#include "daemon/runtime/user.hpp"

namespace berth::runtime {

namespace {

[[noreturn]] void ended() {
  throw Error(ErrorKind::kConflict, "the container's process ended");
}

}  // namespace

VisitedRoot visit_process(pid_t process, const std::string& cgroup_path) {
  const std::string place = "/proc/" + std::to_string(process);
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!handle) ended();
  VisitedRoot visited;
  visited.root.reset(::open((place + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!visited.root) ended();
  std::string groups;
  try {
    groups = read_file(place + "/cgroup");
    visited.ids = {parse_id_map(read_file(place + "/uid_map")),
                   parse_id_map(read_file(place + "/gid_map"))};
  } catch (const Error&) {
    ended();
  }
  // Asked last: while the handle's process lives, all of the above was about it.
  const bool lives = ::syscall(SYS_pidfd_send_signal, handle.get(), 0, nullptr, 0) == 0;
  if (!lives || groups.find(cgroup_path) == std::string::npos) ended();
  return visited;
}

VisitedRoot visit_stopped(const LaunchDocument& document, VisitMounts mounts) {
  StepReport steps;
  Report& report = steps.report();
  report.enter(Stage::kNamespaces);
  steps.require(::unshare(CLONE_NEWNS) == 0 || report.fail("unshare", "CLONE_NEWNS"));
  InitPlan plan = make_visit_plan(document);
  if (mounts == VisitMounts::kNone) plan.mounts.clear();
  BindSources sources(plan.mounts.size());
  MountedRoot mounted;
  steps.require(sources.take(plan, report));
  steps.require(mount_root(plan, report, mounted));
  steps.require(mount_file_systems(plan, report, sources, mounted));
  VisitedRoot visited;
  visited.mount_namespace = open_file("/proc/thread-self/ns/mnt", O_RDONLY);
  visited.root = std::move(mounted.root);
  return visited;
}

void create_files_as_root_of(const IdMaps& ids) {
  StepReport steps;
  steps.report().enter(Stage::kUser);
  steps.require(ids.empty() || become_mounter(ids.uids, ids.gids, steps.report()));
}

std::pair<uid_t, gid_t> resolve_owner(const std::string& user, int root) {
  StepReport steps;
  steps.report().enter(Stage::kUser);
  User wanted;
  wanted.username = user;
  ResolvedUser resolved;
  steps.require(resolve_user(wanted, root, steps.report(), resolved));
  return {resolved.uid, resolved.gid};
}

}  // namespace berth::runtime
