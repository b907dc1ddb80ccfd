// What a container needs before an OCI runtime of somebody else's can make it.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "daemon/runtime/launch.hpp"

namespace berth::runtime {

struct PreparedBundle {
  std::string root;  // where the root file system is mounted
  uid_t uid = 0;     // the process's user, resolved in the container's own files
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home;  // empty: no entry names one
};

/// Moves this single-threaded process into a mount namespace of its own and mounts the container's
/// root there: the host never sees it, and it goes with the last process inside. Throws
/// LaunchError.
PreparedBundle prepare_bundle(const LaunchDocument& document);

}  // namespace berth::runtime
