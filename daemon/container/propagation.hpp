// Bind mounts that pass mounts on (mount_namespaces(7)): "shared" in both directions, "slave" from
// the host into the container.
#pragma once

#include <string>

#include "api/host_config.hpp"

namespace berth::container {

/// The word among a mount's options that says how it propagates; empty: none, which is rprivate.
std::string propagation_of(const std::vector<std::string>& options);

/// Whether it is one: private, rprivate, shared, rshared, slave, rslave.
bool is_propagation(std::string_view word);

/// The kernel passes nothing on where the host's own mount is private, without a word: refuses
/// that. To be called before a start, since the host's mounts come and go. Blocking. Throws
/// Error{kInvalidArgument}.
void check_propagation(const api::HostConfig& host_config);

}  // namespace berth::container
