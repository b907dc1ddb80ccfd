#include "daemon/image/layer_folders.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.hpp"
#include "daemon/image/entry_path.hpp"

namespace berth::image {

namespace {
// Archives go through a tree in order, so that few folders are in use at a time.
constexpr std::size_t kMaxOpen = 16;
}  // namespace

LayerFolders::LayerFolders(int root) : root_(root) {}

Fd LayerFolders::try_open(const std::string& path, int flags) const {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long result =
        ::syscall(SYS_openat2, root_, path.empty() ? "." : path.c_str(), &how, sizeof how);
    if (result >= 0) return Fd(static_cast<int>(result));
    // EAGAIN: a rename elsewhere raced with a ".." on the way; openat2(2) says to try again.
    if (errno != EAGAIN && errno != EINTR) return Fd();
  }
}

Fd LayerFolders::find(const std::string& path) const {
  return try_open(path, O_NOFOLLOW);
}

int LayerFolders::open(std::string_view path) {
  if (path.empty()) return root_;
  if (const auto known = by_path_.find(path); known != by_path_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front().fd.get();
  }
  std::string name(path);
  Fd folder = try_open(name, 0);
  if (!folder && errno == ENOENT) folder = make(name);
  if (!folder) {
    throw Error(
        ErrorKind::kInvalidArgument,
        "archive entry " + quote_entry(name) + " cannot be used as a folder: " + errno_text(errno),
        errno);
  }
  if (recent_.size() >= kMaxOpen) {
    by_path_.erase(recent_.back().path);
    recent_.pop_back();
  }
  recent_.push_front(Open{std::move(name), std::move(folder)});
  by_path_.emplace(recent_.front().path, recent_.begin());
  return recent_.front().fd.get();
}

Fd LayerFolders::make(const std::string& path) {
  // From the first folder down; each step is resolved in the root anew.
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string folder = path.substr(0, end);
    if (!try_open(folder, 0)) {
      if (errno != ENOENT) return Fd();
      const auto [above, name] = split_path(folder);
      const Fd parent = try_open(std::string(above), 0);
      if (!parent) return Fd();
      // A link that leads nowhere has the name already.
      if (::mkdirat(parent.get(), std::string(name).c_str(), 0755) != 0) return Fd();
      if (::fchmodat(parent.get(), std::string(name).c_str(), 0755, 0) != 0) return Fd();
    }
    if (end == std::string::npos) break;
  }
  return try_open(path, 0);
}

void LayerFolders::forget() {
  by_path_.clear();
  recent_.clear();
}

}  // namespace berth::image
