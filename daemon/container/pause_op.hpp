// POST /containers/{id}/pause and /unpause: the freezer stops every process of a container.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Returns when all its processes stand still. Throws Error{kConflict} for one that does not run or
/// is paused already.
Task<> pause(Services& services, ContainerPtr container);

/// Throws Error{kConflict} for one that is not paused.
Task<> unpause(Services& services, ContainerPtr container);

/// For a container that is being stopped.
Task<> resume_if_paused(Services& services, ContainerPtr container);

/// At start-up: asks the kernel whether a container that runs stands still, since an earlier daemon
/// may have been killed between the deed and the record of it.
Task<> see_whether_paused(Services& services, ContainerPtr container);

}  // namespace berth::container
