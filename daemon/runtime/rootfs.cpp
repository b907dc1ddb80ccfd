#include "daemon/runtime/rootfs.hpp"

#include <climits>

#include <fcntl.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/runtime/filesystem.hpp"
#include "daemon/runtime/in_root.hpp"

namespace berth::runtime {

namespace {

enum class Outcome { kDone, kFailed, kNotSupported };

/// fsconfig(2) takes texts of at most 255 bytes; a longer path goes as that of a descriptor, which
/// is kept in `keep` until the file system has looked at it.
int set_path(int context, const char* key, const std::string& path, Fd& keep) {
  static constexpr std::size_t kLongest = 255;
  if (path.size() <= kLongest) {
    return ::fsconfig(context, FSCONFIG_SET_STRING, key, path.c_str(), 0);
  }
  keep.reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!keep) return -1;
  return ::fsconfig(context, FSCONFIG_SET_STRING, key, FdPath(keep.get()).c_str(), 0);
}

bool fail_overlay(Report& report, int context, std::string_view path) {
  const int error = errno;
  const auto words = error_words(error);
  return report.fail_in_words(
      {"mount overlay ", path, ": ", words.view(), " ", file_system_log(context).view()}, error);
}

/// Layer by layer ("lowerdir+", Linux 6.7 and later): no page of options bounds their number.
Outcome overlay_by_layers(const Rootfs& rootfs, Report& report, Fd& tree) {
  const Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) return report.fail("fsopen", "overlay"), Outcome::kFailed;
  for (const std::string& layer : rootfs.lower) {
    Fd keep;
    if (set_path(context.get(), "lowerdir+", layer, keep) == 0) continue;
    if (errno == EINVAL && &layer == &rootfs.lower.front()) return Outcome::kNotSupported;
    fail_overlay(report, context.get(), layer);
    return Outcome::kFailed;
  }
  Fd keep_upper;
  Fd keep_work;
  if (set_path(context.get(), "upperdir", rootfs.upper, keep_upper) != 0 ||
      set_path(context.get(), "workdir", rootfs.work, keep_work) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", "overlay", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    fail_overlay(report, context.get(), rootfs.upper);
    return Outcome::kFailed;
  }
  tree.reset(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!tree) return report.fail("fsmount", "overlay"), Outcome::kFailed;
  return Outcome::kDone;
}

/// mount(2) takes one page of options. Each directory is opened and named by its number, relative
/// to /proc/self/fd: some five bytes a layer, whatever its path, so that the kernel's own bound of
/// 500 layers comes first; and no character in a path needs escaping.
bool overlay_by_page(const Rootfs& rootfs, Report& report, Fd& root) {
  static constexpr std::size_t kPage = 4096;
  // The page holds fewer.
  static constexpr std::size_t kMostFolders = kPage / 2;
  FixedText<kPage> options{"lowerdir="};
  std::array<Fd, kMostFolders> folders;
  std::size_t count = 0;
  const auto add = [&](const std::string& path) {
    if (count == kMostFolders) return true;  // truncated, as is told below
    Fd& folder = folders[count++];
    folder.reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return report.fail("open", path);
    options.append_number(folder.get());
    return true;
  };
  for (const std::string& layer : rootfs.lower) {
    if (&layer != &rootfs.lower.front()) options.append(':');
    if (!add(layer)) return false;
  }
  options.append(",upperdir=");
  if (!add(rootfs.upper)) return false;
  options.append(",workdir=");
  if (!add(rootfs.work)) return false;
  if (options.truncated()) {
    return report.fail_in_words(
        {"mount overlay: more layers than this kernel takes: use Linux 6.7 or later"}, E2BIG);
  }
  if (::chdir("/proc/self/fd") != 0) return report.fail("chdir", "/proc/self/fd");
  if (::mount("overlay", rootfs.upper.c_str(), "overlay", 0, options.c_str()) != 0) {
    return report.fail("mount overlay", rootfs.upper);
  }
  root.reset(::open(rootfs.upper.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return report.fail("open", rootfs.upper);
  return true;
}

/// Where the new root hangs until it becomes "/": its own place on the host, which only this mount
/// namespace sees.
bool attach_root(Report& report, int tree, const std::string& place) {
  const Fd target(::open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!target) return report.fail("open", place);
  return attach_tree(report, tree, target.get(), place);
}

bool mount_overlay(const InitPlan& plan, Report& report, Fd& root) {
  const Rootfs& rootfs = *plan.rootfs;
  if (!plan.legacy_overlay) {
    switch (overlay_by_layers(rootfs, report, root)) {
      case Outcome::kDone:
        return attach_root(report, root.get(), rootfs.upper);
      case Outcome::kFailed:
        return false;
      case Outcome::kNotSupported:
        break;
    }
  }
  return overlay_by_page(rootfs, report, root);
}

/// Each folder that a layer is in, or all of them at once, under a mount of itself that translates.
/// They hang in their places, for older kernels make an overlay only of what is mounted here.
bool map_folder(Report& report, const std::string& folder, int user_namespace) {
  const Fd tree = copy_tree(report, AT_FDCWD, folder.c_str(), false);
  if (!tree || !map_ids(report, tree.get(), user_namespace, false, folder)) return false;
  return attach_root(report, tree.get(), folder);
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.find_last_of('/'));
}

bool map_layers(const Rootfs& rootfs, Report& report, int user_namespace) {
  for (const std::string& layer : rootfs.lower) {
    if (!map_folder(report, layer, user_namespace)) return false;
  }
  // The kernel wants these two on one mount.
  const std::string folder = parent_of(rootfs.upper);
  if (folder != parent_of(rootfs.work)) {
    return report.fail_in_words(
        {"mount overlay: \"", rootfs.upper, "\" and \"", rootfs.work, "\" are not neighbours"});
  }
  return map_folder(report, folder, user_namespace);
}

bool mount_bind(const InitPlan& plan, Report& report, Fd& root) {
  const std::string& path = plan.rootfs->path;
  root = copy_tree(report, AT_FDCWD, path.c_str(), true);
  return root && change_mount(report, root.get(), 0, 0, MS_PRIVATE, true, path) &&
         attach_root(report, root.get(), path);
}

}  // namespace

bool mount_root(const InitPlan& plan, Report& report, MountedRoot& mounted) {
  report.enter(Stage::kRootfs);
  // Private, not slave: what the host mounts from now on is no business of this namespace, and what
  // we mount must not show on the host.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return report.fail("mount", "/ as private");
  }
  return plan.rootfs->kind == Rootfs::Kind::kOverlay ? mount_overlay(plan, report, mounted.root)
                                                     : mount_bind(plan, report, mounted.root);
}

bool become_mounter(const IdRanges& uids, const IdRanges& gids, Report& report) {
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0)
    return report.fail("prctl", "PR_SET_SECUREBITS");
  const std::uint32_t gid = host_id(gids, 0).value_or(0);
  const std::uint32_t uid = host_id(uids, 0).value_or(0);
  ::setfsgid(gid);
  ::setfsuid(uid);
  // They report no failure but by what they return the next time (setfsuid(2)).
  const auto is = [](int now, std::uint32_t wanted) {
    return static_cast<std::uint32_t>(now) == wanted;
  };
  if (is(::setfsgid(gid), gid) && is(::setfsuid(uid), uid)) return true;
  return report.fail("setfsuid", "the container's root", EPERM);
}

bool make_mapped_root(const InitPlan& plan, Report& report, int user_namespace, Fd& root) {
  report.enter(Stage::kRootfs);
  const Rootfs& rootfs = *plan.rootfs;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return report.fail("mount", "/ as private");
  if (rootfs.kind == Rootfs::Kind::kBind) {
    root = copy_tree(report, AT_FDCWD, rootfs.path.c_str(), true);
    return root && map_ids(report, root.get(), user_namespace, true, rootfs.path);
  }
  Fd mounted;
  if (!map_layers(rootfs, report, user_namespace) ||
      !become_mounter(plan.spec->uid_mappings, plan.spec->gid_mappings, report) ||
      !mount_overlay(plan, report, mounted)) {
    return false;
  }
  root = copy_tree(report, mounted.get(), "", false);
  return static_cast<bool>(root);
}

bool mount_given_root(Report& report, Fd root, MountedRoot& mounted) {
  report.enter(Stage::kRootfs);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return report.fail("mount", "/ as private");
  // Its place on the host is out of reach for this user; any other will do.
  if (!attach_root(report, root.get(), "/")) return false;
  mounted.root = std::move(root);
  return true;
}

bool become_root(const InitPlan& plan, Report& report, const MountedRoot& mounted) {
  report.enter(Stage::kPivot);
  const int root = mounted.root.get();
  const Spec& spec = *plan.spec;
  if (spec.readonly_root &&
      !change_mount(report, root, MOUNT_ATTR_RDONLY, 0, 0, false, "the root")) {
    return false;
  }
  if (::fchdir(root) != 0) return report.fail("fchdir", "the root");
  // pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and goes.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return report.fail("pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) return report.fail("umount2", "the host's root");
  if (::chdir("/") != 0) return report.fail("chdir", "/");
  static constexpr std::uint64_t kPrivate = MS_PRIVATE;
  const std::uint64_t kind = spec.root_propagation & ~static_cast<std::uint64_t>(MS_REC);
  if (kind == 0 || kind == kPrivate) return true;  // a new mount is private
  const bool recursive = (spec.root_propagation & MS_REC) != 0;
  return change_mount(report, root, 0, 0, kind, recursive, "the root");
}

}  // namespace berth::runtime
