// Where a pulled image goes: what a pull needs of the image store, declared here by its user.
//
// Every call comes on the control thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/digest.hpp"
#include "common/fd.hpp"
#include "common/image_reference.hpp"
#include "daemon/async/task.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::registry {

/// What both sides of a long piece of work tell each other, from any thread.
struct WorkSignals {
  /// Compressed bytes that were read so far.
  std::atomic<std::uint64_t> done{0};
  /// The result is wanted no more: stop soon, with Error{kCancelled}.
  std::atomic<bool> stop{false};
};

/// A downloaded layer whose compressed bytes were checked against their digest.
struct LayerBlob {
  /// An open file of its own, positioned at the start.
  Fd file;
  Digest digest;
  std::uint64_t size = 0;
  std::string media_type;
  /// What the uncompressed tar must hash to: the target checks it.
  DiffId diff_id;
  ChainId chain;
  /// Empty for the bottom layer.
  ChainId parent;
  std::shared_ptr<WorkSignals> signals;
};

struct PulledImage {
  explicit PulledImage(ImageReference given) : name(std::move(given)) {}

  /// The name to give it, with one of tag and digest.
  ImageReference name;
  /// The configuration, byte by byte; its digest is the image's id.
  std::string config;
  Digest config_digest;
  /// The image's own manifest.
  std::string manifest;
  std::string manifest_type;
  /// What the name led to: the index's digest, or the manifest's. It becomes a RepoDigest.
  Digest name_digest;
  /// Each layer and its compressed form, as the manifest has it.
  std::vector<std::pair<DiffId, Descriptor>> blobs;
};

/// One pull's way into the store. What it was given stays there as long as the object, and
/// afterwards if it belongs to an image.
class PullTarget {
 public:
  virtual ~PullTarget() = default;
  PullTarget(const PullTarget&) = delete;
  PullTarget& operator=(const PullTarget&) = delete;

  virtual Task<bool> has_image(Digest config_digest) = 0;
  /// A layer that is there is kept there for this pull.
  virtual Task<bool> has_layer(ChainId chain) = 0;
  /// True when a layer can be unpacked while its parent still is; else add_layer() is called from
  /// the bottom up, one at a time.
  virtual bool unpacks_in_parallel() const = 0;
  /// Unpacks the layer into the store. Throws Error when the tar does not hash to diff_id.
  virtual Task<> add_layer(LayerBlob layer) = 0;
  /// Keeps the image and its name durably; every layer is there. Returns whether the name is new or
  /// led to another image before.
  virtual Task<bool> add_image(PulledImage image) = 0;

 protected:
  PullTarget() = default;
};

/// Makes the target of one pull.
using PullTargetFactory = std::function<std::unique_ptr<PullTarget>()>;

}  // namespace berth::registry
