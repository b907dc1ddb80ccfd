// POST /containers/{id}/start
#pragma once

#include <optional>

#include "daemon/container/checkpoint_op.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// The restart policy starts only what is still "restarting" when its turn comes.
enum class StartedBy { kUser, kPolicy };

/// Returns when the container's program runs. Throws Error{kNotModified} for one that runs already.
/// On any failure every step is undone, and the container's state says why.
Task<> start(Services& services, ContainerPtr container, StartedBy by = StartedBy::kUser,
             std::optional<CheckpointName> checkpoint = {});

}  // namespace berth::container
