// POST /containers/prune
#pragma once

#include "api/disk_usage.hpp"
#include "common/prune_filter.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// Removes the containers that do not run and that the filter matches; one that cannot be removed
/// stays, with a warning in the log. Throws Error{kConflict} while another prune is at work.
Task<api::ContainersPruned> prune(Services& services, PruneFilter filter);

}  // namespace berth::container
