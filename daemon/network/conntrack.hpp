// The kernel's memory of connections. Blocks: for threads of the pool.
#pragma once

#include "daemon/network/address.hpp"

namespace berth::network {

/// Forgets every connection that `address` answers. Without this a client that goes on sending
/// datagrams to a port that was published would reach the address's next owner, who may publish
/// nothing. Needs Linux 5.11 for the filter; on older kernels, and without connection tracking,
/// nothing happens. Throws Error when there is no socket.
void forget_connections(Ipv4 address);

}  // namespace berth::network
