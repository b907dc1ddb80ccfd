#include "daemon/storage/driver.hpp"

#include <utility>

#include "common/error.hpp"
#include "common/log/log.hpp"
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

std::unique_ptr<Driver> open_driver(std::string_view name, const DriverOptions& options) {
  if (name == "vfs") return std::make_unique<VfsDriver>(options);
  if (!name.empty() && name != "overlay2" && name != "overlay") {
    throw Error(ErrorKind::kInvalidArgument,
                "unknown storage driver \"" + std::string(name) + "\": use overlay2 or vfs");
  }
  // The driver empties its trash in the background.
  const std::filesystem::path trash = options.data_root / "layers/overlay2/trash";
  std::error_code error;
  std::filesystem::create_directories(trash, error);
  if (error) throw_errno("mkdir", trash.native(), error.value());
  const auto problem = overlay_problem(trash);
  if (!problem) return std::make_unique<Overlay2Driver>(options);
  const std::string reason = "overlay2 cannot work in \"" + options.data_root.native() + "\" (" +
                             file_system_name(options.data_root) + "): " + *problem;
  if (!name.empty()) {
    throw Error(ErrorKind::kNotImplemented,
                reason + "; choose a data root on ext4, xfs or btrfs, or the storage driver vfs");
  }
  log::warn("{}; using vfs, which copies each image for each container", reason);
  return std::make_unique<VfsDriver>(options);
}

}  // namespace berth::storage
