// A container's limits as the OCI specification writes them. Pure.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/resources.hpp"

namespace berth::container {

/// Refuses limits that contradict each other or lie outside what the kernel takes, in the words
/// that users of the API know. `cpus` is the number of the host's. Throws Error{kInvalidArgument}.
void check_resources(const api::Resources& resources, int cpus);

/// linux.resources of the OCI runtime specification, without the device rules. Block devices are
/// looked up by path (stat(2)); throws Error{kInvalidArgument} for a path that is none.
nlohmann::json oci_resources(const api::Resources& resources);

}  // namespace berth::container
