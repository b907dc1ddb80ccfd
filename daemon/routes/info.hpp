// GET /info
#pragma once

#include "api/system.hpp"
#include "daemon/routes/system.hpp"

namespace berth::routes {

api::SystemInfo system_info(container::Services& services, const DaemonFacts& facts);

}  // namespace berth::routes
