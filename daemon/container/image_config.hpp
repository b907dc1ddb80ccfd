// How an image's configuration completes what a create request leaves open. Pure.
#pragma once

#include "api/container_config.hpp"
#include "api/image.hpp"

namespace berth::container {

/// The request wins field by field; environment, labels, ports and volumes are joined. A request
/// with an entrypoint of its own does not get the image's command: the two were made for each
/// other.
void complete_from_image(api::ContainerConfig& config, const api::ImageConfig& image);

}  // namespace berth::container
