// The container's root file system: made, filled with its mounts, and turned into "/". For PID 1
// between clone and exec, in its own mount namespace.
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

/// What later steps need from the file systems that were mounted.
struct MountedRoot {
  Fd root;
  Fd terminals;                    // the container's devpts, when it was mounted here
  bool devices_are_bound = false;  // by bind_devices(), since nodes cannot be made
};

/// What comes from the host's mounts: copies of those that are bound into the container, taken
/// while their propagation is still the host's; in a user namespace also the root and devices.
class BindSources {
 public:
  /// One slot for each planned mount; made in the parent, filled in PID 1.
  explicit BindSources(std::size_t count) : trees_(count) {}
  /// `user_namespace` translates ids in the mounts that ask for it (OCI's "idmap"); -1: in none.
  bool take(const InitPlan& plan, Report& report, int user_namespace = -1);
  Fd& operator[](std::size_t index) { return trees_[index]; }

  Fd root;
  std::vector<Fd> devices;

 private:
  std::vector<Fd> trees_;
};

/// Mounts the root (overlay or bind) where the host keeps it, inside this mount namespace alone.
bool mount_root(const InitPlan& plan, Report& report, MountedRoot& mounted);

/// The root with the ids of a user namespace, mounted nowhere. For a privileged process in a mount
/// namespace of its own, which it changes.
bool make_mapped_root(const InitPlan& plan, Report& report, int user_namespace, Fd& root);

/// On translating mounts nobody makes files whose id is not among the translated, and overlay makes
/// some of its own, with the credentials of whoever mounts it: those of the container's root, with
/// the powers of the host's (capabilities(7), SECBIT_NO_SETUID_FIXUP). The thread keeps them.
bool become_mounter(const IdRanges& uids, const IdRanges& gids, Report& report);

/// In PID 1 of a user namespace: hangs up the root that was made for it.
bool mount_given_root(Report& report, Fd root, MountedRoot& mounted);

/// All of the plan's mounts but those of cgroups.
bool mount_file_systems(const InitPlan& plan, Report& report, BindSources& sources,
                        MountedRoot& mounted);
/// Those of cgroups; the process must be in its groups and its cgroup namespace.
bool mount_cgroups(const InitPlan& plan, Report& report, const MountedRoot& mounted);

/// Hides the masked paths and makes the read-only ones so.
bool protect_paths(const InitPlan& plan, Report& report, const MountedRoot& mounted);

/// pivot_root(2); nothing of the host's mounts is left.
bool become_root(const InitPlan& plan, Report& report, const MountedRoot& mounted);

}  // namespace berth::runtime
