// /volumes and everything below it.
#pragma once

#include "daemon/http/router.hpp"
#include "daemon/volume/service.hpp"

namespace berth::routes {

void add_volume_routes(http::Router& router, volume::VolumeService& volumes);

}  // namespace berth::routes
