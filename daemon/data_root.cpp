#include "daemon/data_root.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"

namespace berth {

namespace {

/// Others may pass through (containers' files have owners of their own) but not look around.
constexpr auto kFolderMode = std::filesystem::perms::owner_all |
                             std::filesystem::perms::group_exec |
                             std::filesystem::perms::others_exec;

void make_folder(const std::filesystem::path& folder, std::filesystem::perms mode) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::permissions(folder, mode, error);
  if (error) {
    throw Error(ErrorKind::kInternal,
                "cannot make the folder \"" + folder.native() + "\": " + error.message());
  }
}

}  // namespace

DataRoot::DataRoot(const Config& config) : pidfile_(config.pidfile) {
  make_folder(config.data_root, kFolderMode);
  const std::filesystem::path file = config.data_root / "berth.lock";
  lock_ = open_file(file, O_RDWR | O_CREAT, 0600);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    const std::string owner(trim(read_all(lock_.get(), file.native())));
    throw Error(ErrorKind::kConflict, "the data root \"" + config.data_root.native() +
                                          "\" is used by another berthd (pid " + owner + ")");
  }
  check_errno(::ftruncate(lock_.get(), 0), "ftruncate", file.native());
  const std::string pid = std::to_string(::getpid()) + "\n";
  write_all(lock_.get(), pid, file.native());
  make_folder(config.data_root / "containers", kFolderMode);
  make_folder(config.exec_root, kFolderMode);
  make_folder(config.exec_root / "shims", std::filesystem::perms::owner_all);
  if (!pidfile_.empty()) write_file_atomic(pidfile_, pid, 0644, Durability::kVisible);
}

DataRoot::~DataRoot() {
  if (!pidfile_.empty()) ::unlink(pidfile_.c_str());
}

namespace {

/// A helper program beside the daemon's own, or where it is installed.
std::filesystem::path find_helper(const std::filesystem::path& installed) {
  const std::filesystem::path beside =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / installed.filename();
  for (const std::filesystem::path& place : {beside, installed}) {
    if (::access(place.c_str(), X_OK) == 0) return place;
  }
  return {};
}

}  // namespace

std::filesystem::path find_shim() {
  std::filesystem::path found = find_helper(BERTH_SHIM_PATH);
  if (!found.empty()) return found;
  throw Error(ErrorKind::kNotFound, "cannot find berth-shim: neither beside berthd nor as \"" +
                                        std::string(BERTH_SHIM_PATH) + "\" can it be executed");
}

std::filesystem::path find_init() {
  return find_helper(BERTH_INIT_PATH);
}

}  // namespace berth
