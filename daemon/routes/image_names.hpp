// Names of images as parameters of requests.
#pragma once

#include <optional>
#include <string>

#include "common/image_reference.hpp"

namespace berth::routes {

/// The name that a new image gets from the parameters `repo` and `tag` ("latest" when empty);
/// nothing for an empty `repo`. Throws Error{kInvalidArgument}.
std::optional<ImageReference> new_name(const std::string& repository, const std::string& tag);

}  // namespace berth::routes
