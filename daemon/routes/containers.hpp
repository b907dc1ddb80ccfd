// /containers/...
#pragma once

#include "daemon/container/services.hpp"
#include "daemon/http/router.hpp"

namespace berth::routes {

/// `services` must outlive the router.
void add_container_routes(http::Router& router, container::Services& services);

/// Those of them whose answers go on: wait, attach, logs. Called by add_container_routes.
void add_container_stream_routes(http::Router& router, container::Services& services);
void add_container_archive_routes(http::Router& router, container::Services& services);
void add_checkpoint_routes(http::Router& router, container::Services& services);
void add_commit_routes(http::Router& router, container::Services& services);

}  // namespace berth::routes
