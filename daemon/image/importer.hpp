// The one way for layers and images into the store; loading and pulling both come through here.
//
// Control thread; unpacking runs on the bulk pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/image_reference.hpp"
#include "daemon/async/signal.hpp"
#include "daemon/image/byte_reader.hpp"
#include "daemon/image/child_image.hpp"
#include "daemon/image/types.hpp"
#include "daemon/image/unpack.hpp"
#include "daemon/registry/manifest.hpp"
#include "daemon/storage/driver.hpp"

namespace berth::image {

class ImageStore;

/// What both sides of unpacking a layer tell each other, from any thread.
struct ImportSignals {
  /// Compressed bytes read so far.
  std::atomic<std::uint64_t> done{0};
  /// The result is wanted no more: the import ends soon with Error{kCancelled}.
  std::atomic<bool> stop{false};
};

struct LayerImport {
  /// Called once, on a thread of the bulk pool: the layer's tar, plain or compressed (gzip, zstd,
  /// xz, bzip2).
  std::function<std::unique_ptr<ByteReader>()> open;
  /// What the uncompressed tar must hash to.
  DiffId diff_id;
  /// Empty for the bottom layer.
  ChainId parent;
  /// May be null.
  std::shared_ptr<ImportSignals> signals;
};

/// A layer's compressed form, and a repository that has it.
struct LayerBlob {
  DiffId diff_id;
  registry::KnownBlob place;
};

struct ImageImport {
  /// The configuration, byte by byte; its digest becomes the image's id.
  std::string config;
  /// The image's own manifest, where there is one.
  std::string manifest;
  std::string manifest_type;
  /// Names to give: with a tag, with a digest, or both.
  std::vector<ImageReference> names;
  /// Where its layers came from.
  std::vector<LayerBlob> blobs;
};

struct ImportedImage {
  ImageId id;
  /// The image was not here before.
  bool created = false;
  /// A name is new or led to another image before.
  bool renamed = false;
  /// Names that led to another image before, and to which.
  std::vector<std::pair<ImageReference, ImageId>> taken_over;
};

class ImageImporter {
 public:
  ImageImporter(asio::any_io_executor control, BlockingPool& bulk, storage::Driver& storage,
                ImageStore& store)
      : control_(std::move(control)), bulk_(bulk), storage_(storage), store_(store) {}
  ImageImporter(const ImageImporter&) = delete;
  ImageImporter& operator=(const ImageImporter&) = delete;

  /// Unpacks a layer, unless it is there; two callers with the same layer share one unpacking.
  /// Throws Error{kInvalidArgument} for a malformed tar or one that does not hash to its diff id,
  /// with nothing left.
  Task<storage::LayerHold> add_layer(LayerImport layer);

  /// A layer whose digest nobody knows yet.
  struct NewLayer {
    /// Empty for a tar without entries: then there is no new layer, and `hold` holds the parent.
    DiffId diff_id;
    storage::LayerHold hold;
  };
  /// Unpacks a tar on `parent` (may be empty) and names the layer by what it turned out to be.
  /// Throws as add_layer() does.
  Task<NewLayer> add_new_layer(std::function<std::unique_ptr<ByteReader>()> open, ChainId parent);

  /// Makes an image out of another. Throws Error: kNotFound for a missing parent.
  Task<ImportedImage> add_child(ChildImage child);

  /// Keeps image and names durably and in one step. Every layer must be there and held. Throws
  /// Error{kInvalidArgument} for a malformed configuration, kNotFound for a missing layer.
  Task<ImportedImage> add_image(ImageImport image);

 private:
  Task<storage::LayerHold> unpack(LayerImport layer, ChainId chain);
  /// Discards the draft on failure.
  Task<Unpacked> fill(storage::LayerDraft& draft, const LayerImport& layer);

  asio::any_io_executor control_;
  BlockingPool& bulk_;
  storage::Driver& storage_;
  ImageStore& store_;
  std::unordered_map<ChainId, std::shared_ptr<AsyncSignal>> running_;
};

}  // namespace berth::image
