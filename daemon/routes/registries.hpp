// What asks registries: /auth, /distribution/{name}/json, /images/search, /images/{name}/push
#pragma once

#include "daemon/http/router.hpp"
#include "daemon/registry/pusher.hpp"
#include "daemon/registry/queries.hpp"

namespace berth::routes {

/// Everything given must outlive the router.
void add_registry_routes(http::Router& router, registry::Pusher& pusher,
                         registry::Queries& queries);

}  // namespace berth::routes
