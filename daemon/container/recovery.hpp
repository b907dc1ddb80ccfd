// What a daemon finds when it starts: containers that went on without it, and leavings of one that
// was killed in the middle of something.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Reads every row, takes over the containers that still run, settles those that ended meanwhile,
/// and removes shims, addresses, writable layers and folders that belong to nobody. Before the
/// sockets open.
Task<> recover(Services& services);

}  // namespace berth::container
