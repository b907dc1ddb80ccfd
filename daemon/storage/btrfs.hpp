// Subvolumes of btrfs (btrfs-subvolume(8)): a layer is a snapshot of the one below with its changes
// in it, and so is what a container writes to. Nothing is copied.
#pragma once

#include <optional>
#include <string>

#include "daemon/storage/folder_driver.hpp"

namespace berth::storage {

/// Why the driver cannot work in `folder`, or nothing when it can. Blocking.
std::optional<std::string> btrfs_problem(const std::filesystem::path& folder);

class BtrfsDriver final : public FolderDriver {
 public:
  explicit BtrfsDriver(const DriverOptions& options) : FolderDriver(options, "btrfs") {}

  bool fills_in_parallel() const override { return false; }
  RootfsMount rootfs(const ContainerId& id) const override;
  std::map<std::string, std::string> describe(const ContainerId& id) const override;
  std::map<std::string, std::string> describe(const ChainId& chain) const override;

 private:
  void make_diff(int folder, const std::filesystem::path& below) const override;
  void delete_trashed(int trash, const std::string& name) const override;
  bool copies_for_writables() const override { return false; }
  Whiteouts whiteouts() const override { return Whiteouts::kApply; }
  std::vector<std::filesystem::path> compared_with(const ChainId& top) const override {
    if (top.empty()) return {};
    return {layer_diff(top)};
  }
};

}  // namespace berth::storage
