#include "daemon/storage/btrfs.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/storage/probe.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::storage {

namespace {

constexpr const char* kDiff = "diff";

}  // namespace

std::optional<std::string> btrfs_problem(const std::filesystem::path& folder) {
  struct statfs status{};
  check_errno(::statfs(folder.c_str(), &status), "statfs", folder.native());
  if (status.f_type == BTRFS_SUPER_MAGIC) return std::nullopt;
  return "it is on " + file_system_name(folder);
}

void BtrfsDriver::make_diff(int folder, const std::filesystem::path& below) const {
  if (!below.empty()) {
    const Fd source = open_file(below, O_RDONLY | O_DIRECTORY);
    btrfs_ioctl_vol_args_v2 snapshot{};
    snapshot.fd = source.get();
    std::strcpy(&snapshot.name[0], kDiff);
    check_errno(::ioctl(folder, BTRFS_IOC_SNAP_CREATE_V2, &snapshot), "ioctl",
                "BTRFS_IOC_SNAP_CREATE_V2");
    return;
  }
  btrfs_ioctl_vol_args subvolume{};
  std::strcpy(&subvolume.name[0], kDiff);
  check_errno(::ioctl(folder, BTRFS_IOC_SUBVOL_CREATE, &subvolume), "ioctl",
              "BTRFS_IOC_SUBVOL_CREATE");
  check_errno(::fchmodat(folder, kDiff, 0755, 0), "fchmodat", kDiff);
}

/// The subvolume goes at once, and the kernel clears up behind. One in which a container made
/// subvolumes of its own is taken apart: an empty one goes by rmdir(2).
void BtrfsDriver::delete_trashed(int trash, const std::string& name) const {
  const Fd folder(::openat(trash, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder) {
    btrfs_ioctl_vol_args subvolume{};
    std::strcpy(&subvolume.name[0], kDiff);
    (void)::ioctl(folder.get(), BTRFS_IOC_SNAP_DESTROY, &subvolume);
  }
  remove_tree(trash, name);
}

RootfsMount BtrfsDriver::rootfs(const ContainerId& id) const {
  top_of(id);
  return BindMount{writable_folder(id) / kDiff};
}

std::map<std::string, std::string> BtrfsDriver::describe(const ContainerId& /*id*/) const {
  return {};
}

std::map<std::string, std::string> BtrfsDriver::describe(const ChainId& /*chain*/) const {
  return {};
}

}  // namespace berth::storage
