#include <climits>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/runtime/launch.hpp"

namespace berth::runtime {

namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

/// A mount of the one file, read-only, in no mount namespace: nobody can find it to make it
/// writable, and all shims share the file's pages.
Fd read_only_mount(const std::string& path) {
  Fd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return tree;
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  change.propagation = MS_PRIVATE;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &change, sizeof change) != 0) tree.reset();
  return tree;
}

Fd sealed_copy(const std::string& path) {
  const Fd file = open_file(path, O_RDONLY);
  struct stat status{};
  check_errno(::fstat(file.get(), &status), "fstat", path);
  Fd copy = own_fd(::memfd_create("berth-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
  for (off_t offset = 0; offset < status.st_size;) {
    const auto left = static_cast<std::size_t>(status.st_size - offset);
    if (check_errno(::sendfile(copy.get(), file.get(), &offset, left), "sendfile", path) == 0)
      break;
  }
  check_errno(::fchmod(copy.get(), 0555), "fchmod", path);
  check_errno(::fcntl(copy.get(), F_ADD_SEALS, kSeals), "fcntl", "F_ADD_SEALS");
  return copy;
}

}  // namespace

Fd seal_executable(const std::string& path) {
  Fd mount = read_only_mount(path);
  return mount ? std::move(mount) : sealed_copy(path);
}

bool own_executable_is_sealed() {
  const Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  struct statvfs status{};
  if (::fstatvfs(file.get(), &status) == 0 && (status.f_flag & ST_RDONLY) != 0) return true;
  const int seals = ::fcntl(file.get(), F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

}  // namespace berth::runtime
