#include "daemon/storage/probe.hpp"

#include <array>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"

namespace berth::storage {

namespace {

constexpr long kXfsMagic = 0x58465342;
constexpr long kZfsMagic = 0x2fc12fc1;
constexpr long kBcachefsMagic = static_cast<long>(0xca451a4eU);

struct Name {
  long magic;
  std::string_view name;
};
constexpr std::array kNames = {
    Name{EXT4_SUPER_MAGIC, "extfs"},
    Name{kXfsMagic, "xfs"},
    Name{BTRFS_SUPER_MAGIC, "btrfs"},
    Name{TMPFS_MAGIC, "tmpfs"},
    Name{OVERLAYFS_SUPER_MAGIC, "overlayfs"},
    Name{F2FS_SUPER_MAGIC, "f2fs"},
    Name{NFS_SUPER_MAGIC, "nfs"},
    Name{kZfsMagic, "zfs"},
    Name{FUSE_SUPER_MAGIC, "fuse"},
    Name{kBcachefsMagic, "bcachefs"},
};

/// What the kernel says of a failed fsconfig(2): messages are read from the context's descriptor.
std::string kernel_message(int context, int error) {
  std::array<char, 512> buffer{};
  const ssize_t length = ::read(context, buffer.data(), buffer.size());
  if (length <= 2) return errno_text(error);
  // "e overlay: text"
  return std::string(
      trim(std::string_view(buffer.data(), static_cast<std::size_t>(length)).substr(2)));
}

std::optional<std::string> try_overlay(int folder) {
  const Fd context(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
  if (!context) {
    return errno == ENODEV ? "the kernel has no overlay file system (try \"modprobe overlay\")"
                           : "fsopen overlay: " + errno_text(errno);
  }
  // The process's own descriptors, since the working folder belongs to all threads.
  const std::string base = "/proc/self/fd/" + std::to_string(folder) + "/";
  for (const auto& [key, value] : {std::pair{"lowerdir", "lower"}, std::pair{"upperdir", "upper"},
                                   std::pair{"workdir", "work"}}) {
    const std::string path = base + value;
    if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, path.c_str(), 0) != 0) {
      return kernel_message(context.get(), errno);
    }
  }
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return kernel_message(context.get(), errno);
  }
  return std::nullopt;
}

}  // namespace

std::string file_system_name(const std::filesystem::path& folder) {
  struct statfs status{};
  check_errno(::statfs(folder.c_str(), &status), "statfs", folder.native());
  for (const auto& [magic, name] : kNames) {
    if (status.f_type == magic) return std::string(name);
  }
  return "0x" + to_hex(std::array{static_cast<unsigned char>(status.f_type >> 24U),
                                  static_cast<unsigned char>(status.f_type >> 16U),
                                  static_cast<unsigned char>(status.f_type >> 8U),
                                  static_cast<unsigned char>(status.f_type)});
}

std::optional<std::string> overlay_problem(const std::filesystem::path& folder) {
  const Fd parent = open_file(folder, O_RDONLY | O_DIRECTORY);
  const std::string name = "probe-" + random_hex(6);
  check_errno(::mkdirat(parent.get(), name.c_str(), 0700), "mkdirat", name);
  const Fd probe = open_at(parent.get(), name, O_RDONLY | O_DIRECTORY);
  for (const char* const part : {"lower", "upper", "work"}) {
    check_errno(::mkdirat(probe.get(), part, 0700), "mkdirat", part);
  }
  if (auto problem = try_overlay(probe.get())) return problem;
  const Fd upper = open_at(probe.get(), "upper", O_RDONLY | O_DIRECTORY);
  if (::fsetxattr(upper.get(), "trusted.overlay.opaque", "y", 1, 0) != 0) {
    return "extended attributes of the class \"trusted\": " + errno_text(errno);
  }
  if (::mknodat(upper.get(), "whiteout", S_IFCHR, 0) != 0) {
    return "device files: " + errno_text(errno);
  }
  return std::nullopt;
}

}  // namespace berth::storage
