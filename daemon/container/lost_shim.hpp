// What a shim takes away at its end, when it was killed before it could.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Kills what is left of the container, removes its cgroups, the state of the OCI runtime that made
/// it, and the shim's socket name. Never throws: what cannot be removed is logged.
Task<> clear_after_lost_shim(Services& services, ContainerPtr container);

}  // namespace berth::container
