#include "daemon/runtime/bundle.hpp"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/rootfs.hpp"
#include "daemon/runtime/user.hpp"

namespace berth::runtime {

PreparedBundle prepare_bundle(const LaunchDocument& document) {
  const SocketPair channel = make_socket_pair(SOCK_SEQPACKET);
  Report report(channel.first.get());
  const auto require = [&](bool done) {
    if (done) return;
    LaunchFailure failure = told_failure(channel.second.get());
    const bool users = failure.stage == Stage::kUser;
    throw LaunchError(users ? ErrorKind::kInvalidArgument : ErrorKind::kInternal,
                      std::move(failure));
  };
  report.enter(Stage::kNamespaces);
  require(::unshare(CLONE_NEWNS) == 0 || report.fail("unshare", "CLONE_NEWNS"));

  InitPlan plan;
  plan.spec = &document.oci;
  plan.rootfs = &document.rootfs;
  plan.legacy_overlay = !has_overlay_by_layers();
  MountedRoot mounted;
  const bool done = mount_root(plan, report, mounted);
  // The old way of mounting goes elsewhere.
  require(::chdir("/") == 0 || report.fail("chdir", "/"));
  require(done);
  report.enter(Stage::kUser);
  ResolvedUser user;
  require(resolve_user(document.oci.process.user, mounted.root.get(), report, user));

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
