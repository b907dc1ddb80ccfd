// Checkpoints: a container's processes with their memory, as files of criu(8), from which a start
// can go on.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/checkpoint.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// A checkpoint by its name; `folder` is where such are kept, empty: the container's own place.
struct CheckpointName {
  std::string id;
  std::filesystem::path folder;
};

/// Makes one of a container that runs, and that goes on or ends with it. Throws Error: kConflict
/// when the name is taken or the container does not run, kNotImplemented for a container that
/// cannot be checkpointed and where criu is missing or cannot work; then nothing is left of it.
Task<> create_checkpoint(Services& services, ContainerPtr container,
                         api::CheckpointRequest request);

/// By name. Throws Error.
Task<std::vector<api::CheckpointSummary>> list_checkpoints(Services& services,
                                                           ContainerPtr container,
                                                           std::filesystem::path folder);

/// Throws Error{kNotFound} when there is none.
Task<> remove_checkpoint(Services& services, ContainerPtr container, CheckpointName name);

/// "restore" in the launch document of a start from a checkpoint. Throws Error{kNotFound}.
Task<nlohmann::json> restore_document(Services& services, ContainerPtr container,
                                      CheckpointName name);

}  // namespace berth::container
