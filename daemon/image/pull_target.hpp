// Where pulled images go: the image store as the registry room sees it.
#pragma once

#include "daemon/image/service.hpp"
#include "daemon/registry/target.hpp"

namespace berth::image {

/// Both must outlive every pull.
registry::PullTargetFactory pull_targets(ImageService& images, storage::Driver& storage);

}  // namespace berth::image
