#include "daemon/storage/changes.hpp"

#include <algorithm>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/storage/folder.hpp"

namespace berth::storage {

namespace {

using Kind = Change::Kind;
using Folders = std::vector<Fd>;

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

bool is_opaque(int folder) {
  char value = 0;
  return ::fgetxattr(folder, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

Fd open_folder(int parent, const std::string& name) {
  return Fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::optional<struct stat> look(int parent, const std::string& name) {
  struct stat status{};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return status;
}

/// What the layers have under the name, as the topmost that says something has it.
std::optional<struct stat> look_below(const Folders& lower, const std::string& name) {
  for (const Fd& folder : lower) {
    const auto found = look(folder.get(), name);
    if (!found) continue;
    return is_whiteout(*found) ? std::nullopt : found;
  }
  return std::nullopt;
}

/// The folders of that name which overlayfs would merge.
Folders descend(const Folders& lower, const std::string& name) {
  Folders folders;
  for (const Fd& parent : lower) {
    Fd folder = open_folder(parent.get(), name);
    if (!folder && errno == ENOENT) continue;
    if (!folder) break;  // a whiteout, or no folder: it hides what is below
    const bool last = is_opaque(folder.get());
    folders.push_back(std::move(folder));
    if (last) break;
  }
  return folders;
}

bool same_owner_and_mode(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return same_owner_and_mode(a, b) && a.st_size == b.st_size && a.st_rdev == b.st_rdev &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

class Comparison {
 public:
  Comparison(Upper form, const std::set<std::string>& ignored) : form_(form), ignored_(ignored) {}

  /// True when something below `path` changed.
  bool compare(int upper, const Folders& lower, const std::string& path, bool whole) {
    const std::size_t before = changes_.size();
    std::vector<std::string> names = names_in(upper);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names)
      compare_entry(upper, lower, name, path + "/" + name);
    if (whole) add_missing(names, lower, path);
    return changes_.size() > before;
  }

  std::vector<Change> take() {
    std::sort(changes_.begin(), changes_.end(),
              [](const Change& a, const Change& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  void compare_entry(int upper, const Folders& lower, const std::string& name,
                     const std::string& path) {
    const auto now = look(upper, name);
    if (!now || ignored_.contains(path)) return;
    const auto before = look_below(lower, name);
    if (is_whiteout(*now)) {
      if (before) changes_.push_back({path, Kind::kDeleted});
    } else if (S_ISDIR(now->st_mode)) {
      compare_folder(upper, lower, name, path, *now, before);
    } else if (!before) {
      changes_.push_back({path, Kind::kAdded});
    } else if (form_ == Upper::kOverlay || !same_file(*now, *before)) {
      changes_.push_back({path, Kind::kModified});
    }
  }

  void compare_folder(int upper, const Folders& lower, const std::string& name,
                      const std::string& path, const struct stat& now,
                      const std::optional<struct stat>& before) {
    const Fd folder = open_folder(upper, name);
    if (!folder) return;
    const bool merged = before && S_ISDIR(before->st_mode);
    const bool opaque = form_ == Upper::kOverlay && is_opaque(folder.get());
    const Folders below = merged ? descend(lower, name) : Folders{};
    const bool inside = compare(folder.get(), below, path, form_ == Upper::kWhole || opaque);
    if (!before) {
      changes_.push_back({path, Kind::kAdded});
    } else if (inside || !merged || !same_owner_and_mode(now, *before)) {
      changes_.push_back({path, Kind::kModified});
    }
  }

  /// What the layers have and the upper folder, which shows nothing of theirs, has not.
  void add_missing(const std::vector<std::string>& names, const Folders& lower,
                   const std::string& path) {
    std::set<std::string> gone;
    for (const Fd& folder : lower) {
      for (std::string& name : names_in(folder.get()))
        gone.insert(std::move(name));
    }
    for (const std::string& name : names)
      gone.erase(name);
    for (const std::string& name : gone) {
      if (look_below(lower, name)) changes_.push_back({path + "/" + name, Kind::kDeleted});
    }
  }

  Upper form_;
  const std::set<std::string>& ignored_;
  std::vector<Change> changes_;
};

}  // namespace

std::vector<Change> find_changes(const std::filesystem::path& upper, Upper form,
                                 const std::vector<std::filesystem::path>& lower,
                                 const std::set<std::string>& ignored) {
  Folders folders;
  for (const auto& path : lower)
    folders.push_back(open_file(path, O_RDONLY | O_DIRECTORY));
  const Fd top = open_file(upper, O_RDONLY | O_DIRECTORY);
  Comparison comparison(form, ignored);
  (void)comparison.compare(top.get(), folders, "", form == Upper::kWhole);
  return comparison.take();
}

}  // namespace berth::storage
