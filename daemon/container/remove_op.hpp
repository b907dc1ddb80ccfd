// DELETE /containers/{id}
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Removes the container and its files. Throws Error{kConflict} for one that runs, unless `force`,
/// which kills it first, and for one whose removal is under way.
Task<> remove(Services& services, ContainerPtr container, bool force);

}  // namespace berth::container
