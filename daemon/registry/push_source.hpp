// Where a pushed image comes from: what a push needs of the image store, declared here by its user.
//
// Every call comes on the control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/digest.hpp"
#include "common/image_reference.hpp"
#include "daemon/async/task.hpp"
#include "daemon/registry/manifest.hpp"
#include "daemon/registry/outgoing_blob.hpp"

namespace berth::registry {

struct PushedLayer {
  DiffId diff_id;
  /// Of the uncompressed archive.
  std::uint64_t size = 0;
  std::vector<KnownBlob> known;
};

struct PushedImage {
  /// The configuration, byte by byte; its digest is the image's id.
  std::string config;
  /// That it was pulled or pushed with; may be empty.
  std::string manifest;
  std::string manifest_type;
  /// Bottom layer first.
  std::vector<PushedLayer> layers;
};

/// One push's way out of the store. What it was asked for stays there as long as the object.
class PushSource {
 public:
  virtual ~PushSource() = default;
  PushSource(const PushSource&) = delete;
  PushSource& operator=(const PushSource&) = delete;

  /// The names with a tag that a repository has here.
  virtual std::vector<ImageReference> tags_of(const ImageReference& repository) = 0;
  /// Throws Error: kNotFound, kNotImplemented for a layer whose archive cannot be made again.
  virtual Task<PushedImage> open(ImageReference name) = 0;
  /// Writes the compressed layer of an image that was opened into `blob`, always the same bytes;
  /// `consumed` counts the uncompressed ones. Failures are the blob's.
  virtual Task<> compress(DiffId layer, std::shared_ptr<OutgoingBlob> blob,
                          std::shared_ptr<std::atomic<std::uint64_t>> consumed) = 0;
  /// Remembers where a layer's compressed form is, for pushes to come.
  virtual Task<> remember(DiffId layer, KnownBlob place) = 0;
  /// The image is at `name` now, with that manifest.
  virtual Task<> pushed(ImageReference name, Digest digest) = 0;

 protected:
  PushSource() = default;
};

/// Makes the source of one push.
using PushSourceFactory = std::function<std::unique_ptr<PushSource>()>;

}  // namespace berth::registry
