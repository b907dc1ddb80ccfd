// Requests about sessions in containers: /containers/{id}/exec and /exec.
#pragma once

#include "daemon/container/services.hpp"
#include "daemon/http/router.hpp"

namespace berth::routes {

void add_exec_routes(http::Router& router, container::Services& services);

}  // namespace berth::routes
