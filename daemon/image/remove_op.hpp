// DELETE /images/{name}
#pragma once

#include <vector>

#include "daemon/image/service.hpp"
#include "daemon/image/store.hpp"

namespace berth::image {

struct RemoveContext {
  ImageStore& store;
  storage::Driver& storage;
  /// May be null: nobody uses images.
  const ImageUsers* users = nullptr;
  const EventSink& events;
};

/// As dockerd does it: a name is taken away, and the image goes with its last name; an id removes
/// the image with its names when all are of one repository. What containers or other names need
/// stays, with Error{kConflict} in the words that users' scripts look for; `force` overrides what
/// is not running. Throws Error{kNotFound}.
Task<std::vector<api::DeleteItem>> remove_image(RemoveContext context, RemoveRequest request);

}  // namespace berth::image
