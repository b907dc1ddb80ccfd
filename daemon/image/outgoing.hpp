// An image as it leaves the host: its documents, and where its layers' archives come from. Saving
// and pushing both begin here.
#pragma once

#include <string>
#include <vector>

#include "daemon/image/store.hpp"

namespace berth::image {

struct OutgoingLayer {
  DiffId diff_id;
  ChainId chain;
  /// Of the uncompressed archive.
  std::uint64_t size = 0;
  storage::LayerPlace place;
};

struct OutgoingImage {
  ImagePtr image;
  std::string config;
  std::vector<OutgoingLayer> layers;
  /// Keeps the layers.
  storage::LayerHold hold;
};

/// Control thread. Throws Error: kNotImplemented for a layer whose archive cannot be made again.
Task<OutgoingImage> read_outgoing(const ImageStore& store, storage::Driver& storage,
                                  BlockingPool& fast, ImagePtr image);

}  // namespace berth::image
