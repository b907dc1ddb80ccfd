// A container's files, for those who are not in it: by a descriptor of its root, in the mount
// namespace that has its mounts. Paths below it are opened with openat2(RESOLVE_IN_ROOT) (see
// open_in_root()), and nothing of the container is ever executed or loaded (CVE-2019-14271).
#pragma once

#include <string>
#include <utility>

#include <sys/types.h>

#include "common/fd.hpp"
#include "common/id_map.hpp"
#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

struct VisitedRoot {
  Fd root;             // O_PATH
  IdMaps ids;          // between which its files show the host's numbers; of a user namespace
  Fd mount_namespace;  // keeps the mounts below the root; empty for a container that runs
};

/// Of a container that runs: the root of its PID 1. `cgroup_path` is the container's: the number
/// could mean another process by now, in another cgroup. Throws Error{kConflict} when it ended.
VisitedRoot visit_process(pid_t process, const std::string& cgroup_path);

enum class VisitMounts { kNone, kBinds };

/// Of one that does not run: mounts its root, and with kBinds what the user bound into it, in a new
/// mount namespace, which goes with the result. Call it on a thread that ends afterwards: the
/// thread is left in that namespace (unshare(2)). Throws Error.
VisitedRoot visit_stopped(const LaunchDocument& document, VisitMounts mounts);

/// For a thread that writes into such a tree: whom new files belong to, before they are given to
/// anybody. Mounts that translate owners take none of the host's root. The thread keeps it. Throws
/// Error.
void create_files_as_root_of(const IdMaps& ids);

/// Who "user" or "user:group" is in the files below `root`. Throws Error{kInvalidArgument}.
std::pair<uid_t, gid_t> resolve_owner(const std::string& user, int root);

}  // namespace berth::runtime
