#include "daemon/runtime/in_root.hpp"

#include <climits>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

namespace {

Fd open_resolved(int root, const char* path, int flags, mode_t mode, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = resolve;
  for (;;) {
    const long result = ::syscall(SYS_openat2, root, path, &how, sizeof how);
    // EAGAIN: a rename elsewhere raced with a ".." on the way; openat2(2) says to try again.
    if (result < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    return Fd(static_cast<int>(result));
  }
}

/// Walks the path by hand, since openat2 cannot make what is missing. `resolved_` never holds a
/// link or "..", so each step opens it without following any.
class Maker {
 public:
  Maker(int root, Target target) : root_(root), target_(target) {}

  Fd run(std::string_view path) {
    rest_.append(path);
    if (rest_.truncated()) return refuse(ENAMETOOLONG);
    while (true) {
      const std::string_view name = next_name();
      if (name.empty()) break;
      if (name == ".") continue;
      if (name == "..") {
        const std::size_t slash = resolved_.view().rfind('/');
        resolved_.resize(slash == std::string_view::npos ? 0 : slash);
        continue;
      }
      if (!enter(FixedText<NAME_MAX + 1>{name})) return Fd();
    }
    return open_resolved(root_, resolved_.empty() ? "." : resolved_.c_str(), O_PATH, 0, kNoLinks);
  }

 private:
  static constexpr std::uint64_t kNoLinks = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;

  static Fd refuse(int error) {
    errno = error;
    return Fd();
  }

  std::string_view next_name() {
    const std::string_view all = rest_.view();
    const std::size_t start = all.find_first_not_of('/', position_);
    if (start == std::string_view::npos) return {};
    const std::size_t end = std::min(all.find('/', start), all.size());
    position_ = end;
    return all.substr(start, end - start);
  }

  bool is_last() const {
    return rest_.view().find_first_not_of('/', position_) == std::string_view::npos;
  }

  bool enter(const FixedText<NAME_MAX + 1>& name) {
    if (name.truncated()) return errno = ENAMETOOLONG, false;
    const Fd parent = open_resolved(root_, resolved_.empty() ? "." : resolved_.c_str(),
                                    O_PATH | O_DIRECTORY, 0, kNoLinks);
    if (!parent) return false;
    struct stat status{};
    if (::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT || !make(parent.get(), name.c_str())) return false;
    } else if (S_ISLNK(status.st_mode)) {
      return follow(parent.get(), name.c_str());
    }
    if (!resolved_.empty()) resolved_.append('/');
    resolved_.append(name.view());
    if (resolved_.truncated()) return errno = ENAMETOOLONG, false;
    return true;
  }

  bool make(int parent, const char* name) {
    static constexpr mode_t kFolderMode = 0755;
    static constexpr mode_t kFileMode = 0644;
    if (!is_last() || target_ == Target::kDirectory) {
      return ::mkdirat(parent, name, kFolderMode) == 0 || errno == EEXIST;
    }
    const Fd file(
        ::openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    return static_cast<bool>(file) || errno == EEXIST;
  }

  bool follow(int parent, const char* name) {
    static constexpr int kMostLinks = 40;  // as the kernel's MAXSYMLINKS
    if (++links_ > kMostLinks) return errno = ELOOP, false;
    std::array<char, PATH_MAX> link{};
    const ssize_t length = ::readlinkat(parent, name, link.data(), link.size());
    if (length < 0) return false;
    FixedText<PATH_MAX> joined{std::string_view(link.data(), static_cast<std::size_t>(length)),
                               rest_.view().substr(position_)};
    if (joined.truncated()) return errno = ENAMETOOLONG, false;
    if (joined.view().starts_with('/')) resolved_.resize(0);
    rest_ = joined;
    position_ = 0;
    return true;
  }

  int root_;
  Target target_;
  FixedText<PATH_MAX> resolved_;
  FixedText<PATH_MAX> rest_;
  std::size_t position_ = 0;
  int links_ = 0;
};

}  // namespace

Fd try_open_in_root(int root, const char* path, int flags, mode_t mode) {
  return open_resolved(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Fd open_or_make(int root, std::string_view path, Target target) {
  const FixedText<PATH_MAX> text{path};
  if (text.truncated()) {
    errno = ENAMETOOLONG;
    return Fd();
  }
  Fd found = try_open_in_root(root, text.c_str(), O_PATH);
  if (found || errno != ENOENT) return found;
  return Maker(root, target).run(path);
}

bool is_on_file_system(int fd, long magic) {
  struct statfs status{};
  return ::fstatfs(fd, &status) == 0 && status.f_type == magic;
}

bool is_character_device(int fd, unsigned major_number, unsigned minor_number) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
         major(status.st_rdev) == major_number && minor(status.st_rdev) == minor_number;
}

}  // namespace berth::runtime
