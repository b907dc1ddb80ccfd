// /networks
#pragma once

#include "daemon/container/services.hpp"
#include "daemon/http/router.hpp"

namespace berth::routes {

/// `services` must outlive the router.
void add_network_routes(http::Router& router, container::Services& services);

}  // namespace berth::routes
