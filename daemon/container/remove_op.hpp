// DELETE /containers/{id}
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

enum class AnonymousVolumes { kKeep, kRemove };

/// Removes the container and its files. Throws Error{kConflict} for one that runs, unless `force`,
/// which kills it first, and for one whose removal is under way.
Task<> remove(Services& services, ContainerPtr container, bool force,
              AnonymousVolumes volumes = AnonymousVolumes::kKeep);

/// Of a container without a row, in the background: the kernel can take milliseconds to remove a
/// folder. What this daemon does not get done, its next start does.
void remove_folder_later(Services& services, const std::string& id);

}  // namespace berth::container
