// GET /images/json
#pragma once

#include <vector>

#include "daemon/image/service.hpp"
#include "daemon/image/store.hpp"

namespace berth::image {

/// The images that pass every filter, newest first. Throws Error{kInvalidArgument} for an unknown
/// filter or a malformed value, kNotFound for a reference point that does not exist.
std::vector<api::ImageSummary> list_images(const ImageStore& store, const storage::Driver& storage,
                                           const ListQuery& query);

}  // namespace berth::image
