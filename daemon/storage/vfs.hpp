// Plain copies: each layer and each container holds all files. Needs nothing of the file system.
#pragma once

#include "daemon/storage/folder_driver.hpp"

namespace berth::storage {

class VfsDriver final : public FolderDriver {
 public:
  explicit VfsDriver(const DriverOptions& options) : FolderDriver(options, "vfs") {}

  bool fills_in_parallel() const override { return false; }
  RootfsMount rootfs(const ContainerId& id) const override;
  std::map<std::string, std::string> describe(const ContainerId& id) const override;
  std::map<std::string, std::string> describe(const ChainId& chain) const override;

 private:
  void make_diff(int folder, const std::filesystem::path& below) const override;
  bool copies_for_writables() const override { return true; }
  Whiteouts whiteouts() const override { return Whiteouts::kApply; }
  std::vector<std::filesystem::path> compared_with(const ChainId& top) const override {
    if (top.empty()) return {};
    return {layer_diff(top)};
  }
};

}  // namespace berth::storage
