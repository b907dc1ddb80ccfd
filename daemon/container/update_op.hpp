// POST /containers/{id}/update
#pragma once

#include "api/update.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// Changes limits, those of a running container at once, and the restart policy; durable when it
/// returns. Throws Error{kInvalidArgument} for values that cannot be; then nothing has changed.
Task<api::UpdateResponse> update(Services& services, ContainerPtr container,
                                 api::UpdateRequest request);

/// `change` over `present`: what of `change` is absent or 0 stays. Throws Error{kInvalidArgument}
/// for what contradicts the limits that stay, and for what cannot change any more.
api::Resources merge_resources(const api::Resources& present, const api::Resources& change);

/// The part of `resources` that an update with `change` touches.
api::Resources touched_by(const api::Resources& resources, const api::Resources& change);

}  // namespace berth::container
