// New images: what commit, import and the builder add to an image that is there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/image.hpp"
#include "common/image_reference.hpp"
#include "daemon/image/byte_reader.hpp"
#include "daemon/image/types.hpp"

namespace berth::image {

struct ChildImage {
  /// Empty for an image of its own.
  ImageId parent;
  /// The whole of the new image's configuration.
  api::ImageConfig config;
  std::string author;
  std::string comment;
  /// The command that made the layer, for the history.
  std::string created_by;
  /// Called once, off the control thread: the layer's tar, plain or compressed. Without it, and
  /// when the tar has no entries, the image has its parent's layers alone.
  std::function<std::unique_ptr<ByteReader>()> open_layer;
  /// "arm64", "v8"; empty for the parent's, or for this machine's where there is none.
  std::string architecture;
  std::string variant;
  std::optional<ImageReference> name;
};

/// The new image's configuration document: the parent's, as it is written ("" for none), with one
/// entry of history more. Fields that Berth does not know stay. `layer` is empty where the history
/// entry has no layer. Pure.
std::string child_config(const std::string& parent, const ChildImage& child, const DiffId& layer,
                         const std::string& created);

}  // namespace berth::image
