// POST /containers/create
#pragma once

#include "api/container.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// Makes a container that is ready to start. `name` empty lets one be chosen. What the answer says
/// survives power loss; on failure nothing is left.
Task<api::CreateResponse> create(Services& services, api::CreateRequest request, std::string name);

}  // namespace berth::container
