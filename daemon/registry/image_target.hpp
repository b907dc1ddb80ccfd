// Puts pulled images into the image store.
//
// Control thread.
#pragma once

#include "daemon/image/service.hpp"
#include "daemon/registry/target.hpp"
#include "daemon/storage/driver.hpp"

namespace berth::registry {

/// Targets for Puller; both must outlive it. Each publishes the image's event "pull".
PullTargetFactory image_targets(image::ImageService& images, storage::Driver& storage);

}  // namespace berth::registry
