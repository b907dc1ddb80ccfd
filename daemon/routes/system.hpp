// /_ping, /version, /info, /events
#pragma once

#include "daemon/config.hpp"
#include "daemon/container/services.hpp"
#include "daemon/http/router.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::routes {

/// What `info` tells of the daemon itself.
struct DaemonFacts {
  std::string id;  // of this data root
  const Config& config;
  std::shared_ptr<const runtime::CgroupLayout> cgroups;
};

/// Everything given must outlive the router.
void add_system_routes(http::Router& router, container::Services& services,
                       const DaemonFacts& facts);

}  // namespace berth::routes
