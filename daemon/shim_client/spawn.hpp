// Starts the program berth-shim. Blocking: on a pool.
#pragma once

#include <string>
#include <string_view>

#include "common/fd.hpp"
#include "daemon/shim_client/shim_client.hpp"

namespace berth::shim {

struct Spawned {
  Fd control;  // our end, non-blocking
  Fd process;  // pidfd
};

/// Spawns a shim with what the request gives it. Throws Error.
Spawned spawn(LaunchRequest& request);

/// A file in memory that nobody can change any more (memfd_create(2), F_ADD_SEALS in fcntl(2)).
/// Throws Error.
Fd sealed_file(const char* name, std::string_view content);

/// Connects to the socket of a running shim. Throws Error.
Fd connect_to(const std::filesystem::path& socket);

}  // namespace berth::shim
