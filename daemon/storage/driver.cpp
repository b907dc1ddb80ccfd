#include "daemon/storage/driver.hpp"

#include <utility>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/storage/btrfs.hpp"
#include "daemon/storage/overlay2.hpp"
#include "daemon/storage/probe.hpp"
#include "daemon/storage/vfs.hpp"

namespace berth::storage {

LayerHold::LayerHold(Driver& driver, ChainId chain) : driver_(&driver), chain_(std::move(chain)) {
  driver.acquire(chain_);
}

LayerHold::LayerHold(LayerHold&& other) noexcept
    : driver_(std::exchange(other.driver_, nullptr)), chain_(std::move(other.chain_)) {}

LayerHold& LayerHold::operator=(LayerHold&& other) noexcept {
  std::swap(driver_, other.driver_);
  std::swap(chain_, other.chain_);
  return *this;
}

void LayerHold::reset() noexcept {
  if (driver_ != nullptr) std::exchange(driver_, nullptr)->release(chain_);
}

LayerHold Driver::hold(const ChainId& chain) {
  if (!exists(chain)) {
    throw Error(ErrorKind::kNotFound, "the layer " + chain.str() + " is missing");
  }
  return {*this, chain};
}

namespace {

/// Why overlay2 cannot work there, or nothing when it can.
std::optional<std::string> overlay2_problem(const DriverOptions& options) {
  // The driver empties its trash in the background.
  const std::filesystem::path trash = options.data_root / "layers/overlay2/trash";
  std::error_code error;
  std::filesystem::create_directories(trash, error);
  if (error) throw_errno("mkdir", trash.native(), error.value());
  return overlay_problem(trash);
}

[[noreturn]] void refuse(std::string_view name, const DriverOptions& options,
                         const std::string& problem, const std::string& advice) {
  throw Error(ErrorKind::kNotImplemented,
              std::string(name) + " cannot work in \"" + options.data_root.native() + "\" (" +
                  file_system_name(options.data_root) + "): " + problem + "; " + advice);
}

std::unique_ptr<Driver> open_named(std::string_view name, const DriverOptions& options) {
  if (name == "vfs") return std::make_unique<VfsDriver>(options);
  if (name == "btrfs") {
    if (const auto problem = btrfs_problem(options.data_root))
      refuse(name, options, *problem, "choose a data root on btrfs, or another storage driver");
    return std::make_unique<BtrfsDriver>(options);
  }
  if (name == "overlay2" || name == "overlay") {
    if (const auto problem = overlay2_problem(options)) {
      refuse("overlay2", options, *problem,
             "choose a data root on ext4, xfs or btrfs, or the storage driver vfs");
    }
    return std::make_unique<Overlay2Driver>(options);
  }
  throw Error(ErrorKind::kInvalidArgument,
              "unknown storage driver \"" + std::string(name) + "\": use overlay2, btrfs or vfs");
}

}  // namespace

std::unique_ptr<Driver> open_driver(std::string_view name, const DriverOptions& options) {
  if (!name.empty()) return open_named(name, options);
  const auto problem = overlay2_problem(options);
  if (!problem) return std::make_unique<Overlay2Driver>(options);
  if (!btrfs_problem(options.data_root)) return std::make_unique<BtrfsDriver>(options);
  log::warn(
      "overlay2 cannot work in \"{}\" ({}): {}; using vfs, which copies each image for each "
      "container",
      options.data_root.native(), file_system_name(options.data_root), *problem);
  return std::make_unique<VfsDriver>(options);
}

}  // namespace berth::storage
