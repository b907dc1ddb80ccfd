#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/storage/folder.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::storage {

namespace {

struct Metadata {
  uid_t uid;
  gid_t gid;
  mode_t mode;
  std::array<timespec, 2> times;

  explicit Metadata(const struct stat& status)
      : uid(status.st_uid),
        gid(status.st_gid),
        mode(status.st_mode),
        times{status.st_atim, status.st_mtim} {}
};

/// Through our memory; returns how much that was.
ssize_t copy_piece(int from, int to, off_t offset, off_t length) {
  constexpr off_t kPiece = off_t{1} << 18U;
  std::vector<char> buffer(static_cast<std::size_t>(std::min(length, kPiece)));
  const ssize_t got = ::pread(from, buffer.data(), buffer.size(), offset);
  return got <= 0 ? got : ::pwrite(to, buffer.data(), static_cast<std::size_t>(got), offset);
}

void copy_range(int from, int to, off_t offset, off_t length) {
  bool in_kernel = true;
  while (length > 0) {
    off_t in = offset;
    off_t out = offset;
    const ssize_t copied =
        in_kernel ? ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(length), 0)
                  : copy_piece(from, to, offset, length);
    if (copied < 0) {
      if (errno == EINTR) continue;
      // Between file systems of different kinds, or what cannot be copied by them at all.
      const bool refused = errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP;
      if (!std::exchange(in_kernel, in_kernel && !refused) || !refused) throw_errno("copy");
      continue;
    }
    if (copied == 0) throw Error(ErrorKind::kInternal, "a file shrank while it was copied");
    offset += copied;
    length -= copied;
  }
}

/// The data alone: holes stay holes.
void copy_content(int from, int to, off_t size) {
  if (::ioctl(to, FICLONE, from) == 0) return;
  off_t data = 0;
  while (data < size) {
    data = ::lseek(from, data, SEEK_DATA);
    if (data < 0) {
      if (errno == ENXIO) break;  // only a hole is left
      throw_errno("lseek");
    }
    const off_t hole = check_errno(::lseek(from, data, SEEK_HOLE), "lseek");
    copy_range(from, to, data, hole - data);
    data = hole;
  }
  check_errno(::ftruncate(to, size), "ftruncate");
}

void copy_attributes(int from, int to) {
  std::string names(4096, '\0');
  ssize_t length = ::flistxattr(from, names.data(), names.size());
  if (length < 0 && errno == ERANGE) {
    names.resize(XATTR_LIST_MAX);
    length = ::flistxattr(from, names.data(), names.size());
  }
  if (length < 0) {
    if (errno == ENOTSUP) return;
    throw_errno("flistxattr");
  }
  names.resize(static_cast<std::size_t>(length));
  std::string value(XATTR_SIZE_MAX, '\0');
  for (std::size_t at = 0; at < names.size();
       at += std::char_traits<char>::length(&names[at]) + 1) {
    const char* const name = &names[at];
    const ssize_t size =
        check_errno(::fgetxattr(from, name, value.data(), value.size()), "fgetxattr", name);
    // A security module labels the copy itself.
    if (std::string_view(name).starts_with("security.") &&
        std::string_view(name) != "security.capability") {
      continue;
    }
    check_errno(::fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0), "fsetxattr",
                name);
  }
}

void apply(const Metadata& metadata, int file) {
  if (::geteuid() == 0) check_errno(::fchown(file, metadata.uid, metadata.gid), "fchown");
  check_errno(::fchmod(file, metadata.mode & 07777U), "fchmod");
}

void set_times(const Metadata& metadata, int file) {
  check_errno(::futimens(file, metadata.times.data()), "futimens");
}

class Copier {
 public:
  Copier(int from, int to) : from_(from), to_(to) {}

  void run() {
    // By path from the root, so that the depth of the tree costs neither descriptors nor stack.
    folders_.emplace_back(".");
    while (!folders_.empty()) {
      const std::string path = std::move(folders_.back());
      folders_.pop_back();
      copy_folder(path);
    }
    // Backwards: setting a folder's time is the last thing done in it.
    for (auto folder = finished_.rbegin(); folder != finished_.rend(); ++folder) {
      const Fd opened = open_in_root(to_, folder->first, O_RDONLY | O_DIRECTORY);
      apply(folder->second, opened.get());
      set_times(folder->second, opened.get());
    }
  }

 private:
  void copy_folder(const std::string& path) {
    FolderReader reader(open_in_root(from_, path, O_RDONLY | O_DIRECTORY));
    const Fd target = open_in_root(to_, path, O_RDONLY | O_DIRECTORY);
    struct stat status{};
    check_errno(::fstat(reader.fd(), &status), "fstat", path);
    copy_attributes(reader.fd(), target.get());
    finished_.emplace_back(path, Metadata(status));
    while (const dirent* const entry = reader.next()) {
      copy_entry(reader.fd(), target.get(), path, entry->d_name);
    }
  }

  void copy_entry(int from, int to, const std::string& folder, const std::string& name) {
    struct stat status{};
    check_errno(::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW), "fstatat", name);
    const std::string path = folder + "/" + name;
    if (S_ISDIR(status.st_mode)) {
      check_errno(::mkdirat(to, name.c_str(), 0700), "mkdirat", path);
      folders_.push_back(path);
      return;
    }
    if (status.st_nlink > 1) {
      const auto [known, first] = links_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!first) {
        link(known->second, to, name);
        return;
      }
    }
    if (S_ISREG(status.st_mode)) {
      copy_file(from, to, name, status);
    } else {
      copy_special(from, to, name, status);
    }
  }

  void link(const std::string& existing, int to, const std::string& name) {
    const auto slash = existing.rfind('/');
    const Fd folder = open_in_root(to_, existing.substr(0, slash), O_PATH | O_DIRECTORY);
    check_errno(::linkat(folder.get(), existing.c_str() + slash + 1, to, name.c_str(), 0), "linkat",
                name);
  }

  static void copy_file(int from, int to, const std::string& name, const struct stat& status) {
    const Fd source = open_at(from, name, O_RDONLY | O_NOFOLLOW);
    const Fd target = open_at(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    copy_content(source.get(), target.get(), status.st_size);
    const Metadata metadata(status);
    apply(metadata, target.get());
    copy_attributes(source.get(), target.get());
    set_times(metadata, target.get());
  }

  static void copy_special(int from, int to, const std::string& name, const struct stat& status) {
    if (S_ISLNK(status.st_mode)) {
      std::string target(static_cast<std::size_t>(status.st_size) + 1, '\0');
      const ssize_t length = check_errno(
          ::readlinkat(from, name.c_str(), target.data(), target.size()), "readlinkat", name);
      target.resize(static_cast<std::size_t>(length));
      check_errno(::symlinkat(target.c_str(), to, name.c_str()), "symlinkat", name);
    } else {
      check_errno(::mknodat(to, name.c_str(), status.st_mode, status.st_rdev), "mknodat", name);
    }
    if (::geteuid() == 0) {
      check_errno(::fchownat(to, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW),
                  "fchownat", name);
    }
    if (!S_ISLNK(status.st_mode)) {
      check_errno(::fchmodat(to, name.c_str(), status.st_mode & 07777U, 0), "fchmodat", name);
    }
    const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
    check_errno(::utimensat(to, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), "utimensat",
                name);
  }

  int from_;
  int to_;
  std::vector<std::string> folders_;
  std::vector<std::pair<std::string, Metadata>> finished_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
};

}  // namespace

void copy_tree(int from, int to) {
  Copier(from, to).run();
}

}  // namespace berth::storage
