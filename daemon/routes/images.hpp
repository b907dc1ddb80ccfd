// /images/...
#pragma once

#include "daemon/http/router.hpp"
#include "daemon/image/service.hpp"
#include "daemon/registry/puller.hpp"

namespace berth::routes {

/// Everything given must outlive the router.
void add_image_routes(http::Router& router, image::ImageService& images, registry::Puller& puller);

}  // namespace berth::routes
