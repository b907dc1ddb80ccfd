// Masked and read-only paths. Everything goes by descriptor: the path is resolved in the root once,
// and what hides it is checked to be the real thing (CVE-2025-31133).
#include <climits>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/runtime/filesystem.hpp"
#include "daemon/runtime/in_root.hpp"
#include "daemon/runtime/rootfs.hpp"

namespace berth::runtime {

namespace {

class Masker {
 public:
  Masker(Report& report, int root) : report_(report), root_(root) {}

  bool hide(const std::string& path) {
    const Fd target = try_open_in_root(root_, path.c_str(), O_PATH);
    // What this kernel or this image does not have needs no hiding.
    if (!target) return errno == ENOENT || errno == ENOTDIR || report_.fail("mask", path);
    struct stat status{};
    if (::fstat(target.get(), &status) != 0) return report_.fail("fstat", path);
    const Fd cover = S_ISDIR(status.st_mode) ? empty_folder() : null_device();
    return cover && attach_tree(report_, cover.get(), target.get(), path);
  }

 private:
  /// The host's /dev/null: no image had a hand in it, and it is checked all the same.
  Fd null_device() {
    static constexpr unsigned kNullMinor = 3;
    if (!null_) {
      null_.reset(::open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!null_ || !is_character_device(null_.get(), 1, kNullMinor)) {
        report_.fail_in_words({"mask: the host's /dev/null is not the null device"}, ENODEV);
        return Fd();
      }
    }
    return copy_tree(report_, null_.get(), "", false);
  }

  Fd empty_folder() {
    static constexpr std::uint64_t kLocked =
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    return new_file_system(report_, "tmpfs", "tmpfs", {}, kLocked);
  }

  Report& report_;
  int root_;
  Fd null_;
};

bool make_read_only(Report& report, int root, const std::string& path) {
  const Fd target = try_open_in_root(root, path.c_str(), O_PATH);
  if (!target) return errno == ENOENT || errno == ENOTDIR || report.fail("read-only path", path);
  const Fd tree = copy_tree(report, target.get(), "", true);
  return tree && change_mount(report, tree.get(), MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, true, path) &&
         attach_tree(report, tree.get(), target.get(), path);
}

}  // namespace

bool protect_paths(const InitPlan& plan, Report& report, const MountedRoot& mounted) {
  report.enter(Stage::kMounts);
  const int root = mounted.root.get();
  for (const std::string& path : plan.spec->readonly_paths) {
    if (!make_read_only(report, root, path)) return false;
  }
  Masker masker(report, root);
  for (const std::string& path : plan.spec->masked_paths) {
    if (!masker.hide(path)) return false;
  }
  return true;
}

}  // namespace berth::runtime
