// Starts the program berth-shim. Blocking: on a pool.
#pragma once

#include <string>

#include "common/fd.hpp"
#include "daemon/shim_client/shim_client.hpp"

namespace berth::shim {

struct Spawned {
  Fd control;  // our end, non-blocking
  Fd process;  // pidfd
};

/// Spawns a shim with what the request gives it. Throws Error.
Spawned spawn(LaunchRequest& request);

/// Connects to the socket of a running shim. Throws Error.
Fd connect_to(const std::filesystem::path& socket);

}  // namespace berth::shim
