#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/storage/folder.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::storage {

namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

using Identity = std::pair<dev_t, ino_t>;

Identity identity_of(int fd) {
  struct stat status{};
  check_errno(::fstat(fd, &status), "fstat");
  return {status.st_dev, status.st_ino};
}

/// Walks with one open folder: down by name, and up by "..", which is checked to lead back.
class Sizer {
 public:
  std::uint64_t measure(int top) {
    Fd folder = open_at(top, ".", kFolderFlags);
    enter(folder);
    while (!way_.empty()) {
      std::vector<std::string>& folders = way_.back().folders;
      if (folders.empty()) {
        way_.pop_back();
        if (way_.empty() || !go_up(folder)) break;
        continue;
      }
      const std::string name = std::move(folders.back());
      folders.pop_back();
      Fd below(::openat(folder.get(), name.c_str(), kFolderFlags));
      if (!below) continue;  // gone meanwhile
      folder = std::move(below);
      enter(folder);
    }
    return total_;
  }

 private:
  struct Level {
    Identity identity;
    std::vector<std::string> folders;  // yet to be visited
  };

  void enter(const Fd& folder) {
    Level level{identity_of(folder.get()), {}};
    FolderReader reader(open_at(folder.get(), ".", kFolderFlags));
    while (const dirent* const entry = reader.next()) {
      if (entry->d_type == DT_DIR) {
        level.folders.emplace_back(entry->d_name);
      } else if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) {
        count(reader.fd(), entry->d_name, level);
      }
    }
    way_.push_back(std::move(level));
  }

  void count(int folder, const char* name, Level& level) {
    struct stat status{};
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISDIR(status.st_mode)) level.folders.emplace_back(name);
    if (!S_ISREG(status.st_mode)) return;
    if (status.st_nlink > 1 && !linked_.emplace(status.st_dev, status.st_ino).second) return;
    total_ += static_cast<std::uint64_t>(status.st_size);
  }

  bool go_up(Fd& folder) const {
    Fd above(::openat(folder.get(), "..", kFolderFlags));
    if (!above || identity_of(above.get()) != way_.back().identity) return false;
    folder = std::move(above);
    return true;
  }

  std::vector<Level> way_;
  std::set<Identity> linked_;
  std::uint64_t total_ = 0;
};

}  // namespace

std::uint64_t tree_size(int folder) {
  return Sizer().measure(folder);
}

}  // namespace berth::storage
