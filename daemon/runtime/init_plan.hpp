// All that PID 1 will do, worked out before the clone: everything that allocates, parses or may
// throw happens here, in the parent.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/fd.hpp"
#include "daemon/runtime/cgroup.hpp"
#include "daemon/runtime/launch.hpp"
#include "daemon/runtime/mount_options.hpp"
#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

struct PlannedMount {
  enum class Kind { kFileSystem, kBind, kCgroup };
  const Mount* mount = nullptr;
  Kind kind = Kind::kFileSystem;
  MountOptions options;
  Fd source_namespace;        // where the source of a bind is, when not here
  bool is_proc = false;       // at /proc
  bool is_dev = false;        // a tmpfs at /dev, to be filled with nodes
  bool is_terminals = false;  // a devpts at /dev/pts
};

/// One hierarchy as the container sees it below /sys/fs/cgroup.
struct CgroupView {
  std::string source;              // the container's group, absolute, on the host
  std::string name;                // of the folder: "cpu,cpuacct"; v2: empty
  std::vector<std::string> links;  // "cpu", "cpuacct"
};

/// A device that is bound from the host's, in a user namespace.
struct PlannedDevice {
  std::string path;    // in the container
  std::string source;  // on the host
  char type = 'c';
  unsigned major = 0;
  unsigned minor = 0;
};

struct NamespaceJoin {
  Fd handle;
  int type = 0;  // CLONE_NEW...
  std::string path;
};

struct InitPlan {
  const Spec* spec = nullptr;
  const Rootfs* rootfs = nullptr;

  /// The process namespace is the parent's to arrange: it decides about children only.
  std::vector<NamespaceJoin> joins;
  int new_namespaces = 0;  // for unshare(2), without pid, cgroup and user
  bool makes_user_namespace = false;
  Fd user_namespace;  // to join
  bool in_user_namespace() const { return makes_user_namespace || user_namespace; }
  int trees = -1;                      // where the helper's mounts come in, in a user namespace
  int trees_other = -1;                // the helper's end, to be closed in PID 1
  std::vector<PlannedDevice> devices;  // in a user namespace
  bool new_cgroup_namespace = false;

  std::vector<PlannedMount> mounts;
  bool own_dev = true;       // /dev is ours to fill: not a bind of somebody else's
  bool mounted_dev = false;  // by a mount that is_dev
  std::vector<CgroupView> cgroup_views;
  bool has_cgroup = false;
  std::vector<std::string> join_files;

  Capabilities capabilities;     // without what the caller itself does not have
  CapabilityMask droppable = 0;  // all that the kernel knows

  std::vector<char*> arguments;    // ends with null
  std::vector<char*> environment;  // ends with one spare slot for HOME, and null
  bool has_home = false;
  std::string search_path;  // the value of PATH

  std::span<const std::byte> seccomp_filter;
  int stdio[3] = {-1, -1, -1};
  bool die_with_parent = true;
  bool legacy_overlay = false;

  std::vector<std::string> warnings;
};

/// Whether overlayfs takes its layers one by one, which came with Linux 6.7. Older kernels cannot
/// be asked: up to 6.4 fsconfig(2) takes any option for overlay without a look, and mounting fails
/// afterwards.
bool has_overlay_by_layers();

/// The part of a plan that mounts root and user's mounts (binds), to look at the files of a
/// container that does not run. `document` must outlive the result. Throws Error.
InitPlan make_visit_plan(const LaunchDocument& document);

/// Throws Error{kInvalidArgument} for what the definition gets wrong. `document` and the options
/// must outlive the result.
InitPlan make_init_plan(const LaunchDocument& document, const LaunchOptions& options,
                        const Cgroup* cgroup);

/// The part of it that concerns the specification's process alone: program, privileges, standard
/// streams.
InitPlan make_process_plan(const Spec& spec, const LaunchOptions& options);

}  // namespace berth::runtime
