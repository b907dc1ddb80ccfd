#include "daemon/volume/folders.hpp"

#include <set>

#include <fcntl.h>
#include <sys/stat.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"

namespace berth::volume {

namespace {

/// No volume's name begins with a dot.
constexpr std::string_view kRemoved = ".removed-";
constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

void make_at(int parent, const std::string& name, mode_t mode) {
  if (::mkdirat(parent, name.c_str(), mode) == 0) return;
  if (errno != EEXIST) throw_errno("mkdirat", name);
}

}  // namespace

Folders::Folders(std::filesystem::path root) : root_(std::move(root)) {
  make_at(AT_FDCWD, root_.native(), 0711);
}

std::vector<std::string> Folders::scan() const {
  std::vector<std::string> names;
  std::vector<std::filesystem::path> left;
  for (const auto& entry : std::filesystem::directory_iterator(root_)) {
    const std::string name = entry.path().filename().native();
    if (name.starts_with(kRemoved)) {
      left.push_back(entry.path());
    } else if (is_valid_name(name) && std::filesystem::is_directory(entry.path() / "_data")) {
      names.push_back(name);
    }
  }
  for (const auto& path : left)
    std::filesystem::remove_all(path);
  return names;
}

void Folders::make(const std::string& name) const {
  const Fd root = open_file(root_, kFolder);
  make_at(root.get(), name, 0701);
  const Fd own = open_at(root.get(), name, kFolder);
  make_at(own.get(), "_data", 0755);
  // Whatever the daemon's umask is.
  const Fd data = open_at(own.get(), "_data", kFolder);
  check_errno(::fchmod(own.get(), 0701), "fchmod", name);
  check_errno(::fchmod(data.get(), 0755), "fchmod", name);
  check_errno(::fsync(own.get()), "fsync", name);
  check_errno(::fsync(root.get()), "fsync", root_.native());
}

void Folders::remove(const std::string& name) const {
  const Fd root = open_file(root_, kFolder);
  const std::string removed = std::string(kRemoved) + random_hex(8);
  if (::renameat(root.get(), name.c_str(), root.get(), removed.c_str()) != 0) {
    if (errno == ENOENT) return;
    throw_errno("renameat", name);
  }
  check_errno(::fsync(root.get()), "fsync", root_.native());
  std::error_code error;
  std::filesystem::remove_all(root_ / removed, error);
  if (error) throw_errno("remove", (root_ / removed).native(), error.value());
}

std::uint64_t Folders::size(const std::string& name) const {
  std::uint64_t total = 0;
  std::set<std::pair<dev_t, ino_t>> seen;
  // A container may change what is looked at; what vanishes is not counted.
  const auto skip = std::filesystem::directory_options::skip_permission_denied;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(data(name), skip, error);
  while (!error && entry != std::filesystem::recursive_directory_iterator()) {
    struct stat status{};
    if (::lstat(entry->path().c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        (status.st_nlink == 1 || seen.emplace(status.st_dev, status.st_ino).second)) {
      total += static_cast<std::uint64_t>(status.st_size);
    }
    entry.increment(error);
  }
  return total;
}

}  // namespace berth::volume
