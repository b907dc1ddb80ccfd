#include "daemon/runtime/bundle.hpp"

#include <sched.h>
#include <unistd.h>

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/rootfs.hpp"
#include "daemon/runtime/step_report.hpp"
#include "daemon/runtime/user.hpp"

namespace berth::runtime {

PreparedBundle prepare_bundle(const LaunchDocument& document) {
  StepReport steps;
  Report& report = steps.report();
  report.enter(Stage::kNamespaces);
  steps.require(::unshare(CLONE_NEWNS) == 0 || report.fail("unshare", "CLONE_NEWNS"));

  InitPlan plan;
  plan.spec = &document.oci;
  plan.rootfs = &document.rootfs;
  plan.legacy_overlay = !has_overlay_by_layers();
  MountedRoot mounted;
  const bool done = mount_root(plan, report, mounted);
  // The old way of mounting goes elsewhere.
  steps.require(::chdir("/") == 0 || report.fail("chdir", "/"));
  steps.require(done);
  report.enter(Stage::kUser);
  ResolvedUser user;
  steps.require(resolve_user(document.oci.process.user, mounted.root.get(), report, user));

  PreparedBundle prepared;
  const bool overlay = document.rootfs.kind == Rootfs::Kind::kOverlay;
  prepared.root = overlay ? document.rootfs.upper : document.rootfs.path;
  prepared.uid = user.uid;
  prepared.gid = user.gid;
  prepared.groups.assign(user.groups.begin(),
                         user.groups.begin() + static_cast<std::ptrdiff_t>(user.group_count));
  prepared.home = user.home.view();
  return prepared;
}

}  // namespace berth::runtime
