// What is on the disk and what nobody needs: /system/df, /containers/prune, /images/prune.
#pragma once

#include "daemon/container/services.hpp"
#include "daemon/http/router.hpp"

namespace berth::routes {

/// `services` must outlive the router.
void add_disk_usage_routes(http::Router& router, container::Services& services);

}  // namespace berth::routes
