// POST /images/prune
#pragma once

#include "api/disk_usage.hpp"
#include "daemon/image/remove_op.hpp"

namespace berth::image {

/// Removes the images that no container was made from and that the filters match: of those without
/// a tag, or of all with dangling=false. Throws Error{kInvalidArgument} for filters that cannot be
/// used.
Task<api::ImagesPruned> prune_images(RemoveContext context,
                                     std::map<std::string, std::vector<std::string>> filters);

}  // namespace berth::image
