// --network and the flags that say how the container is reached.
#pragma once

#include "client/options/container_flags.hpp"

namespace berth::client {

/// Fills the request's network mode, endpoints, ports, name servers and hosts. Throws
/// Error{kInvalidArgument}.
void apply_networks(const ContainerFlags& flags, api::CreateRequest& request);

}  // namespace berth::client
