// The mounts inside the root, in the order of the specification.
#include <climits>

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/runtime/devices.hpp"
#include "daemon/runtime/filesystem.hpp"
#include "daemon/runtime/in_root.hpp"
#include "daemon/runtime/rootfs.hpp"

namespace berth::runtime {

namespace {

/// What people mount over single files of /proc (lxcfs); anything else below it would let a
/// container forge what its own runtime reads there (CVE-2019-16884, CVE-2019-19921).
bool may_cover_in_proc(std::string_view destination) {
  static constexpr std::array<std::string_view, 11> kHarmless = {"/proc/cpuinfo",
                                                                 "/proc/diskstats",
                                                                 "/proc/meminfo",
                                                                 "/proc/stat",
                                                                 "/proc/swaps",
                                                                 "/proc/uptime",
                                                                 "/proc/loadavg",
                                                                 "/proc/slabinfo",
                                                                 "/proc/net/dev",
                                                                 "/proc/sys/kernel/ns_last_pid",
                                                                 "/proc/sys/crypto/fips_enabled"};
  return std::find(kHarmless.begin(), kHarmless.end(), destination) != kHarmless.end();
}

/// The place for a mount, made if it is missing.
Fd open_place(Report& report, int root, const Mount& mount, Target kind) {
  Fd place;
  if (mount.type == "proc" || mount.type == "sysfs") {
    // An image that makes /proc a link could have it mounted anywhere, and its paths left unmasked.
    place = open_or_make(root, mount.destination, kind);
    const FixedText<PATH_MAX> path{mount.destination};
    Fd plain(::openat(root, path.c_str() + path.view().find_first_not_of('/'),
                      O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
    struct stat found{};
    struct stat expected{};
    if (place &&
        (!plain || ::fstat(place.get(), &found) != 0 || ::fstat(plain.get(), &expected) != 0 ||
         found.st_ino != expected.st_ino || found.st_dev != expected.st_dev)) {
      report.fail_in_words({"mount ", mount.type, ": \"", mount.destination,
                            "\" in the image must be an ordinary folder, and is not"},
                           ENOTDIR);
      return Fd();
    }
  } else {
    place = open_or_make(root, mount.destination, kind);
  }
  if (!place) {
    report.fail("mount point", mount.destination);
    return Fd();
  }
  if (is_on_file_system(place.get(), PROC_SUPER_MAGIC) && mount.type != "proc" &&
      !may_cover_in_proc(mount.destination)) {
    report.fail_in_words(
        {"mount on \"", mount.destination, "\" is not allowed: it is inside /proc"}, EPERM);
    return Fd();
  }
  return place;
}

/// The change that the options ask for, after the mount was made with `made` attributes.
bool apply_options(Report& report, int tree, const MountOptions& options, std::uint64_t made,
                   std::string_view destination) {
  const std::uint64_t set = options.set & ~made;
  const bool needed = set != 0 || (options.bind && options.clear != 0);
  if (needed && !change_mount(report, tree, set, options.clear, 0, false, destination))
    return false;
  if ((options.set_recursive | options.clear_recursive) == 0) return true;
  return change_mount(report, tree, options.set_recursive, options.clear_recursive, 0, true,
                      destination);
}

/// What reads /proc afterwards, and what is masked in it, must be the real thing (CVE-2019-16884,
/// CVE-2025-52881).
bool check_proc(const PlannedMount& planned, Report& report, bool is_real) {
  if (!planned.is_proc || is_real) return true;
  return report.fail_in_words({"mount on \"", planned.mount->destination,
                               "\" is not allowed: only a proc file system may be there"},
                              EPERM);
}

bool mount_bound(const PlannedMount& planned, Report& report, Fd& source, int root) {
  const Mount& mount = *planned.mount;
  struct stat status{};
  if (!check_proc(planned, report, is_on_file_system(source.get(), PROC_SUPER_MAGIC))) return false;
  if (::fstat(source.get(), &status) != 0) return report.fail("fstat", mount.source);
  const Target kind = S_ISDIR(status.st_mode) ? Target::kDirectory : Target::kFile;
  const MountOptions& options = planned.options;
  const std::uint64_t propagation = options.propagation != 0 ? options.propagation : MS_PRIVATE;
  const bool recursive = options.propagation == 0 || options.propagation_recursive;
  if (!change_mount(report, source.get(), 0, 0, propagation, recursive, mount.destination))
    return false;
  if (!apply_options(report, source.get(), options, 0, mount.destination)) return false;
  const Fd place = open_place(report, root, mount, kind);
  return place && attach_tree(report, source.get(), place.get(), mount.destination);
}

/// A tmpfs over a folder of the image has that folder's mode, unless one is asked for.
Fd new_tmpfs(Report& report, const PlannedMount& planned, int place) {
  const MountOptions& options = planned.options;
  const bool has_mode =
      std::any_of(options.data.begin(), options.data.end(),
                  [](const std::string& word) { return word.starts_with("mode="); });
  Fd tree = new_file_system(report, "tmpfs", planned.mount->source.c_str(), options.data,
                            options.set & ~static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY));
  struct stat status{};
  if (!tree || has_mode) return tree;
  if (::fstat(place, &status) != 0 ||
      ::fchmodat(tree.get(), ".", status.st_mode & 07777U, 0) != 0) {
    report.fail("chmod", planned.mount->destination);
    return Fd();
  }
  return tree;
}

bool mount_new(const PlannedMount& planned, Report& report, MountedRoot& mounted) {
  const Mount& mount = *planned.mount;
  const int root = mounted.root.get();
  if (!check_proc(planned, report, mount.type == "proc")) return false;
  const Fd place = open_place(report, root, mount, Target::kDirectory);
  if (!place) return false;
  const bool tmpfs = mount.type == "tmpfs";
  Fd tree = tmpfs ? new_tmpfs(report, planned, place.get())
                  : new_file_system(report, mount.type.c_str(), mount.source.c_str(),
                                    planned.options.data, planned.options.set);
  if (!tree) return false;
  // Before it hangs anywhere: no path of the image is looked up for the nodes.
  const bool own_nodes = !mounted.devices_are_bound;
  if (planned.is_dev && own_nodes && !fill_dev(report, tree.get())) return false;
  const std::uint64_t made =
      tmpfs ? planned.options.set & ~static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY)
            : planned.options.set;
  if (!apply_options(report, tree.get(), planned.options, made, mount.destination)) return false;
  if (planned.options.propagation != 0 &&
      !change_mount(report, tree.get(), 0, 0, planned.options.propagation,
                    planned.options.propagation_recursive, mount.destination)) {
    return false;
  }
  if (!attach_tree(report, tree.get(), place.get(), mount.destination)) return false;
  if (planned.is_dev && !own_nodes && !link_dev(report, tree.get())) return false;
  if (planned.is_terminals) mounted.terminals = std::move(tree);
  return true;
}

/// v2: the container's group itself. v1: a tmpfs with one folder for each hierarchy.
bool mount_cgroup(const InitPlan& plan, const PlannedMount& planned, Report& report, int root) {
  const Mount& mount = *planned.mount;
  const Fd place = open_place(report, root, mount, Target::kDirectory);
  if (!place) return false;
  const MountOptions& options = planned.options;
  if (plan.cgroup_views.size() == 1 && plan.cgroup_views.front().name.empty()) {
    const Fd tree = copy_tree(report, AT_FDCWD, plan.cgroup_views.front().source.c_str(), false);
    return tree &&
           change_mount(report, tree.get(), options.set, options.clear, MS_PRIVATE, true,
                        mount.destination) &&
           attach_tree(report, tree.get(), place.get(), mount.destination);
  }
  static const std::array<std::string, 1> kMode = {"mode=755"};
  const Fd folder = new_file_system(report, "tmpfs", "cgroup", kMode, 0);
  if (!folder || !attach_tree(report, folder.get(), place.get(), mount.destination)) return false;
  for (const CgroupView& view : plan.cgroup_views) {
    if (::mkdirat(folder.get(), view.name.c_str(), 0755) != 0)
      return report.fail("mkdir", view.name);
    const Fd target(::openat(folder.get(), view.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    const Fd tree = copy_tree(report, AT_FDCWD, view.source.c_str(), false);
    if (!tree || !attach_tree(report, tree.get(), target.get(), view.name)) return false;
    for (const std::string& link : view.links) {
      if (::symlinkat(view.name.c_str(), folder.get(), link.c_str()) != 0)
        return report.fail("symlink", link);
    }
  }
  return change_mount(report, folder.get(), options.set, options.clear, MS_PRIVATE, true,
                      mount.destination);
}

/// open_tree(2) copies what lies in the caller's own mount namespace alone, so this goes there and
/// comes back. That namespace is another container's: a link in it must not lead out of its root.
Fd copy_foreign_tree(Report& report, const PlannedMount& planned) {
  static constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const Fd home(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  const Fd own_root(::open("/", kFolder));
  if (!home || !own_root) return report.fail("open", "/proc/self/ns/mnt"), Fd();
  if (::setns(planned.source_namespace.get(), CLONE_NEWNS) != 0) {
    report.fail("setns", planned.mount->source_namespace);
    return Fd();
  }
  Fd tree;
  const Fd root(::open("/", kFolder));
  const Fd source = try_open_in_root(root.get(), planned.mount->source.c_str(), O_PATH);
  if (source) {
    tree = copy_tree(report, source.get(), "", planned.options.recursive);
  } else {
    report.fail("bind mount of another container's", planned.mount->source);
  }
  if (::setns(home.get(), CLONE_NEWNS) != 0 || ::fchdir(own_root.get()) != 0 ||
      ::chroot(".") != 0) {
    report.fail("setns", "back to the own mount namespace");
    return Fd();
  }
  return tree;
}

}  // namespace

bool BindSources::take(const InitPlan& plan, Report& report, int user_namespace) {
  report.enter(Stage::kMounts);
  for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
    const PlannedMount& planned = plan.mounts[index];
    if (planned.kind != PlannedMount::Kind::kBind) continue;
    trees_[index] =
        planned.source_namespace
            ? copy_foreign_tree(report, planned)
            : copy_tree(report, AT_FDCWD, planned.mount->source.c_str(), planned.options.recursive);
    if (!trees_[index]) return false;
    const MountOptions& options = planned.options;
    if (user_namespace >= 0 && options.map_ids &&
        !map_ids(report, trees_[index].get(), user_namespace, options.map_ids_recursive,
                 planned.mount->source)) {
      return false;
    }
  }
  return true;
}

bool mount_file_systems(const InitPlan& plan, Report& report, BindSources& sources,
                        MountedRoot& mounted) {
  report.enter(Stage::kMounts);
  for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
    const PlannedMount& planned = plan.mounts[index];
    if (planned.kind == PlannedMount::Kind::kCgroup) continue;
    const bool done = planned.kind == PlannedMount::Kind::kBind
                          ? mount_bound(planned, report, sources[index], mounted.root.get())
                          : mount_new(planned, report, mounted);
    if (!done) return false;
  }
  return true;
}

bool mount_cgroups(const InitPlan& plan, Report& report, const MountedRoot& mounted) {
  report.enter(Stage::kMounts);
  for (const PlannedMount& planned : plan.mounts) {
    if (planned.kind != PlannedMount::Kind::kCgroup || plan.cgroup_views.empty()) continue;
    if (!mount_cgroup(plan, planned, report, mounted.root.get())) return false;
  }
  return true;
}

}  // namespace berth::runtime
