// A container's files by a descriptor of its root, whether it runs or not.
#pragma once

#include "daemon/async/mutex.hpp"
#include "daemon/container/services.hpp"
#include "daemon/runtime/visit.hpp"

namespace berth::container {

struct Visit {
  runtime::VisitedRoot root;
  /// Of a container that does not run: it cannot be started meanwhile, which would mount its
  /// writable layer a second time.
  AsyncMutex::Lock lock;
};

/// Where something is mounted in a container: absolute paths.
std::vector<std::string> mount_places(const Settings& settings, const Container& container);

/// Throws Error{kConflict} for a container that is being removed.
Task<Visit> visit(Services& services, ContainerPtr container, runtime::VisitMounts mounts);

}  // namespace berth::container
