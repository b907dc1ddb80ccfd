#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"
#include "daemon/storage/folder.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::storage {

namespace {

/// Each level costs a descriptor and stack; a hostile layer may be thousands of folders deep.
constexpr std::size_t kMaxDepth = 64;

class Remover {
 public:
  explicit Remover(int parent) : parent_(parent) {}

  void remove(const std::string& name) {
    later_.push_back(name);
    while (!later_.empty()) {
      const std::string next = std::move(later_.back());
      later_.pop_back();
      remove_entry(parent_, next, 0);
    }
  }

 private:
  void remove_entry(int folder, const std::string& name, std::size_t depth) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return;
    // unlink(2): EISDIR on Linux, EPERM by POSIX.
    if (errno != EISDIR && errno != EPERM) throw_errno("unlinkat", name);
    remove_folder(folder, name, depth);
  }

  void remove_folder(int folder, const std::string& name, std::size_t depth) {
    if (depth >= kMaxDepth) {
      std::string moved = "deep-" + random_hex(8);
      check_errno(::renameat(folder, name.c_str(), parent_, moved.c_str()), "renameat", name);
      later_.push_back(std::move(moved));
      return;
    }
    FolderReader reader(open_folder(folder, name));
    while (const dirent* const entry = reader.next()) {
      if (entry->d_type == DT_DIR) {
        remove_folder(reader.fd(), entry->d_name, depth + 1);
      } else {
        remove_entry(reader.fd(), entry->d_name, depth + 1);
      }
    }
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      throw_errno("unlinkat", name);
    }
  }

  static Fd open_folder(int folder, const std::string& name) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd opened(::openat(folder, name.c_str(), kFlags));
    if (!opened && errno == EACCES) {
      // Only where the daemon is not root: a folder that its owner may not read.
      check_errno(::fchmodat(folder, name.c_str(), 0700, 0), "fchmodat", name);
      opened.reset(::openat(folder, name.c_str(), kFlags));
    }
    if (!opened) throw_errno("openat", name);
    return opened;
  }

  int parent_;
  std::vector<std::string> later_;
};

}  // namespace

void remove_tree(int parent, const std::string& name) {
  Remover(parent).remove(name);
}

void empty_folder(int folder) {
  for (const std::string& name : names_in(folder))
    remove_tree(folder, name);
}

}  // namespace berth::storage
