// What the image room hands out.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/image.hpp"
#include "common/digest.hpp"
#include "daemon/async/task.hpp"

namespace berth::image {

/// "sha256:<hex>" of the image's configuration.
using ImageId = StrongString<struct ImageIdTag>;

/// What a container is made from.
struct ResolvedImage {
  ImageId id;
  api::ImageConfig config;
  std::vector<DiffId> diff_ids;
  /// Empty for an image without layers.
  ChainId top;
  /// As asked.
  std::string reference;
};

/// A container that was made from an image.
struct ImageUse {
  std::string container_id;
  bool running = false;
};

/// Who uses an image: implemented by the container room. Control thread.
class ImageUsers {
 public:
  virtual ~ImageUsers() = default;
  virtual std::vector<ImageUse> users_of(const ImageId& image) const = 0;
};

/// Gets the lines of a progress stream, one JSON object each. What it throws ends the operation.
using ProgressSink = std::function<Task<>(std::string line)>;

/// Takes the pieces of a stream, on any thread. What it throws ends the operation.
using PieceSink = std::function<void(std::string_view piece)>;

/// Publishes an event of type "image". Control thread.
using EventSink = std::function<void(std::string_view action, const std::string& id,
                                     std::map<std::string, std::string> attributes)>;

}  // namespace berth::image
