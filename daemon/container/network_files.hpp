// hosts, hostname and resolv.conf of a container, and what it holds of the network.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Writes the three files into the container's folder; of a joined container they are copied.
Task<> write_network_files(Services& services, ContainerPtr container, ContainerPtr joined);

/// Gives back address, ports and rules. Nothing happens where there are none.
Task<> release_endpoints(Services& services, ContainerPtr container);

}  // namespace berth::container
