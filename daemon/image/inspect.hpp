// GET /images/{name}/json and /images/{name}/history
#pragma once

#include <string_view>
#include <vector>

#include "api/image.hpp"
#include "daemon/image/store.hpp"

namespace berth::image {

api::ImageInspect inspect_image(const Image& image, const storage::Driver& storage);

/// Newest step first. `config` is the image's document. Throws Error.
std::vector<api::HistoryItem> image_history(const Image& image, const storage::Driver& storage,
                                            std::string_view config);

}  // namespace berth::image
