// User namespaces (user_namespaces(7)): root in the container is nobody on the host.
//
// PID 1 is cloned into its user namespace and makes all the others from there, so that they belong
// to it. What only the host's root may do is done for it: the parent writes the mappings, limits
// and control groups, and a helper process takes the file systems from the host and hands their
// mounts to PID 1. Files keep the host's numbers on disk; the mounts of the root translate
// (MOUNT_ATTR_IDMAP of mount_setattr(2); Linux 5.19 for layers of an overlay).
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/rootfs.hpp"
#include "daemon/runtime/user.hpp"

namespace berth::runtime {

/// In the parent: maps the ids of PID 1, which waits for kMapsWritten. Throws Error.
void write_id_maps(pid_t pid, const Spec& spec);

/// In the parent: what else only it may do for PID 1: its score for the OOM killer and, on v1, its
/// control groups. Throws Error.
void join_cgroups_for(pid_t pid, const InitPlan& plan, std::vector<std::string>& warnings);
/// The same for its limits, once it has opened all that it opens.
void set_rlimits_of(pid_t pid, const Spec& spec, std::vector<std::string>& warnings);

/// In the parent: pipes and terminals that become the process's streams belong to its root, so that
/// it may open them again (/dev/stdout). Throws Error.
void give_streams_to_root(const InitPlan& plan);

/// The helper process; ends with its owner. PID 1 receives from the other end of `trees`. `control`
/// is PID 1's end of the socket to the parent: on it the helper tells what failed.
class TreeHelper {
 public:
  TreeHelper() = default;
  TreeHelper(const InitPlan& plan, int user_namespace, int control, int trees,
             BindSources& sources);
  TreeHelper(const TreeHelper&) = delete;
  TreeHelper& operator=(const TreeHelper&) = delete;
  ~TreeHelper();

 private:
  pid_t pid_ = -1;
};

/// In a process that PID 1 is to be cloned from, when it joins a user namespace: goes there, clones
/// it as its own parent's child, tells its pidfd and ends.
/// `processes` is the process namespace to join; -1: a new one, when that is asked for.
[[noreturn]] void clone_in_user_namespace(const InitPlan& plan, int control, BindSources& sources,
                                          int processes, bool new_processes) noexcept;

/// In PID 1: becomes root of its user namespace, once the parent has written its maps.
bool become_mapped_root(Report& report);
/// The same in a process that joined one.
bool become_root_of_namespace(Report& report);

/// Whether the process's user and groups exist in its user namespace.
bool check_mapped(const InitPlan& plan, Report& report, const ResolvedUser& user);

/// In PID 1: takes what the helper sends.
bool receive_trees(const InitPlan& plan, Report& report, BindSources& sources);

/// Tries all that a user namespace takes, with a folder below `folder`: the kernel, and the file
/// system that it is on. Throws Error that says what is missing. For a single-threaded process.
void check_id_mapped_mounts(const std::string& folder);

}  // namespace berth::runtime
