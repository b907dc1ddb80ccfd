// Runs a container's health check, again and again, while it runs.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Gives a container that has begun to run, or is taken over from an earlier daemon, a health, and
/// begins to check it. Does nothing for one without a check.
void watch_health(Services& services, const ContainerPtr& container);

}  // namespace berth::container
