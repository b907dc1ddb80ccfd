// POST /containers/{id}/rename
#pragma once

#include <string>

#include "daemon/container/services.hpp"

namespace berth::container {

/// Durable when it returns. Throws Error{kInvalidArgument} for what is no name or the present one,
/// {kConflict} for one that is in use.
Task<> rename(Services& services, ContainerPtr container, std::string name);

}  // namespace berth::container
