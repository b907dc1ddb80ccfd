#include "daemon/storage/vfs.hpp"

#include <fcntl.h>

#include "common/file.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::storage {

void VfsDriver::make_diff(int folder, const std::filesystem::path& below) const {
  FolderDriver::make_diff(folder, below);
  if (below.empty()) return;
  const Fd diff = open_at(folder, "diff", O_RDONLY | O_DIRECTORY);
  copy_tree(open_file(below, O_RDONLY | O_DIRECTORY).get(), diff.get());
}

RootfsMount VfsDriver::rootfs(const ContainerId& id) const {
  top_of(id);
  return BindMount{writable_folder(id) / "diff"};
}

std::map<std::string, std::string> VfsDriver::describe(const ContainerId& /*id*/) const {
  return {};
}

std::map<std::string, std::string> VfsDriver::describe(const ChainId& /*chain*/) const {
  return {};
}

}  // namespace berth::storage
