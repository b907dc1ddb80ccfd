// Where layers and containers' writable layers are kept.
//
// Vocabulary: a *layer* is what one tar of an image changes, named by its chain id (itself and all
// below it) and never changed once committed; a *draft* is a layer that is being filled; a
// *writable* is the layer that belongs to one container. A *hold* keeps a layer: sweep() removes
// what nobody holds, no writable stands on and no other layer stands on.
//
// Every call comes on the control thread; the work is done on the pools. Nothing is ever mounted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/digest.hpp"
#include "common/fd.hpp"
#include "common/ids.hpp"
#include "daemon/async/gate.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/storage/changes.hpp"
#include "daemon/storage/mount.hpp"

namespace berth::storage {

class Driver;

/// Keeps a layer (and so all below it). Made, moved and dropped on the control thread.
class [[nodiscard]] LayerHold {
 public:
  LayerHold() = default;
  LayerHold(Driver& driver, ChainId chain);
  LayerHold(LayerHold&& other) noexcept;
  LayerHold& operator=(LayerHold&& other) noexcept;
  LayerHold(const LayerHold&) = delete;
  LayerHold& operator=(const LayerHold&) = delete;
  ~LayerHold() { reset(); }

  const ChainId& chain() const noexcept { return chain_; }
  explicit operator bool() const noexcept { return driver_ != nullptr; }
  void reset() noexcept;

 private:
  Driver* driver_ = nullptr;
  ChainId chain_;
};

/// How whiteouts of a tar are kept in a layer's folder.
enum class Whiteouts {
  kOverlay,  // as overlayfs wants them: a device 0/0, the attribute "overlay.opaque"
  kApply,    // the folder holds the lower layers' files, too: delete there
  kLiteral,  // no layer: such names are ordinary ones
};

/// A folder to fill. Dropping it leaves a leftover for the driver to clear: await discard_draft()
/// instead.
struct LayerDraft {
  std::filesystem::path folder;
  /// For the image room's use: LayerPlace::recipe.
  std::filesystem::path recipe;
  /// O_PATH of the folder that becomes the layer's root.
  Fd root;
  Whiteouts whiteouts = Whiteouts::kOverlay;
  std::string name;  // the driver's own
};

/// Where a layer is. Nothing but its own room writes there.
struct LayerPlace {
  std::filesystem::path files;
  /// A file beside them for the image room's use; may be absent.
  std::filesystem::path recipe;
};

struct LayerInfo {
  /// Empty for a bottom layer.
  ChainId parent;
  /// Bytes of the files that this layer adds.
  std::uint64_t size = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// "overlay2"
  virtual std::string name() const = 0;
  /// Pairs for `GET /info`, "DriverStatus".
  virtual std::vector<std::pair<std::string, std::string>> status() const = 0;

  // Layers.

  virtual bool exists(const ChainId& chain) const = 0;
  /// Throws Error{kNotFound}.
  virtual const LayerInfo& layer(const ChainId& chain) const = 0;
  /// Good while somebody holds the layer. Throws Error{kNotFound}.
  virtual LayerPlace place(const ChainId& chain) const = 0;
  /// True when a draft can be filled while its parent still is.
  virtual bool fills_in_parallel() const = 0;
  /// `parent` empty for a bottom layer. Throws Error.
  virtual Task<LayerDraft> begin_layer(ChainId parent) = 0;
  /// Makes the draft the layer `chain`; when that exists already, the draft is discarded. Survives
  /// power loss only after sync(). Throws Error, and then the draft is gone.
  virtual Task<LayerHold> commit_layer(LayerDraft draft, ChainId chain, LayerInfo info) = 0;
  virtual Task<> discard_draft(LayerDraft draft) = 0;
  /// All that was committed is on the disk when it returns.
  virtual Task<> sync() = 0;
  /// Removes the layers that nobody needs any more; their files are deleted in the background.
  virtual void sweep() = 0;
  /// Throws Error{kNotFound}.
  LayerHold hold(const ChainId& chain);

  // Containers.

  /// `top` is the image's top layer; empty for an image without layers. Throws Error: kNotFound,
  /// kConflict.
  virtual Task<> create_writable(ContainerId id, ChainId top) = 0;
  /// Success when there is none. The files are deleted later, in the background.
  virtual Task<> remove_writable(ContainerId id) = 0;
  virtual bool has_writable(const ContainerId& id) const = 0;
  /// The layer below the container's own; empty for none. Throws Error{kNotFound}.
  virtual const ChainId& top_of(const ContainerId& id) const = 0;
  /// Throws Error{kNotFound}.
  virtual RootfsMount rootfs(const ContainerId& id) const = 0;
  /// What the container changed of its image's files (find_changes()). Throws Error.
  virtual Task<std::vector<Change>> changes(ContainerId id, std::set<std::string> ignored) = 0;
  /// What inspect shows as "GraphDriver.Data" of a container and of an image.
  virtual std::map<std::string, std::string> describe(const ContainerId& id) const = 0;
  virtual std::map<std::string, std::string> describe(const ChainId& chain) const = 0;

  // Start-up: call both once, when all images hold their layers and all containers are known.

  /// Removes writables whose container is not in `known`, then layers that nobody needs.
  virtual void collect(const std::set<ContainerId>& known) = 0;

 protected:
  Driver() = default;

 private:
  friend class LayerHold;
  virtual void acquire(const ChainId& chain) = 0;
  virtual void release(const ChainId& chain) noexcept = 0;
};

struct DriverOptions {
  asio::any_io_executor control;
  BlockingPool& fast;
  BlockingPool& bulk;
  /// Runs the deletions in the background.
  Gate& tasks;
  std::filesystem::path data_root;
};

/// The driver "overlay2", "btrfs" or "vfs"; empty for the best that the data root allows. Reads
/// what is there and clears what an earlier daemon left unfinished. Blocks: at start-up only.
/// Throws Error{kInvalidArgument} for an unknown name, kNotImplemented when the data root's file
/// system cannot carry it, with the reason.
std::unique_ptr<Driver> open_driver(std::string_view name, const DriverOptions& options);

}  // namespace berth::storage
