// Layers as overlayfs stacks them: each holds its own changes; nothing is copied.
#pragma once

#include "daemon/storage/folder_driver.hpp"

namespace berth::storage {

class Overlay2Driver final : public FolderDriver {
 public:
  explicit Overlay2Driver(const DriverOptions& options) : FolderDriver(options, "overlay2") {}

  bool fills_in_parallel() const override { return true; }
  RootfsMount rootfs(const ContainerId& id) const override;
  std::map<std::string, std::string> describe(const ContainerId& id) const override;
  std::map<std::string, std::string> describe(const ChainId& chain) const override;

 private:
  void prepare_writable(int folder) const override;
  bool copies_for_writables() const override { return false; }
  Whiteouts whiteouts() const override { return Whiteouts::kOverlay; }
  std::vector<std::filesystem::path> compared_with(const ChainId& top) const override {
    return lower_folders(top);
  }
  std::vector<std::filesystem::path> lower_folders(const ChainId& top) const;
};

}  // namespace berth::storage
