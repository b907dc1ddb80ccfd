// The end of a container's process: what is given back, and who is told.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Waits for the process to end and handles it. Spawned in the gate by start and by recovery, once
/// a run.
Task<> supervise(Services& services, ContainerPtr container,
                 std::shared_ptr<shim::ShimClient> shim);

/// What a run's end means for the container: resources given back, state saved, `die` emitted,
/// waiters woken, a --rm container removed. Takes the container's lock.
Task<> handle_exit(Services& services, ContainerPtr container, shim::ExitRecord record);

}  // namespace berth::container
