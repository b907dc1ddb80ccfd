// What containers use: /containers/{id}/stats and /containers/{id}/top.
#pragma once

#include "daemon/container/services.hpp"
#include "daemon/http/router.hpp"
#include "daemon/stats/collector.hpp"

namespace berth::routes {

/// Everything given must outlive the router.
void add_stats_routes(http::Router& router, container::Services& services,
                      stats::Collector& collector);

}  // namespace berth::routes
