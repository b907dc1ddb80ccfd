// What of the OCI runtime specification (v1.2, config.json and config-linux.json) Berth honours, as
// plain structs, and the launch document with which the daemon starts a shim.
// Pure: no system calls. The shim parses once, before it clones.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/id_map.hpp"
#include "daemon/runtime/capabilities.hpp"

namespace berth::runtime {

// --- process -------------------------------------------------------------------------------------

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids;
  std::optional<std::uint32_t> umask;
  /// When not empty it wins over uid and gid: "name", "uid", "name:group", "uid:gid" and so on,
  /// resolved in the container's own /etc/passwd and /etc/group.
  std::string username;
  /// Names or numbers on top of additional_gids (`--group-add`), resolved the same way.
  std::vector<std::string> additional_groups;
};

struct Capabilities {
  CapabilityMask bounding = 0;
  CapabilityMask effective = 0;
  CapabilityMask permitted = 0;
  CapabilityMask inheritable = 0;
  CapabilityMask ambient = 0;
};

struct Rlimit {
  int resource = 0;  // RLIMIT_NOFILE, ...
  std::string name;  // "RLIMIT_NOFILE", for messages
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct ConsoleSize {
  std::uint16_t height = 0;
  std::uint16_t width = 0;
};

struct Process {
  bool terminal = false;
  ConsoleSize console_size;
  User user;
  std::vector<std::string> args;  // never empty
  std::vector<std::string> env;
  std::string cwd;  // absolute
  /// Without the object the process keeps none.
  Capabilities capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::string apparmor_profile;
};

// --- file systems --------------------------------------------------------------------------------

struct Mount {
  std::string destination;  // absolute
  std::string type;
  std::string source;
  std::vector<std::string> options;
  /// Of a bind mount: the mount namespace that `source` is a path of, such as /proc/<pid>/ns/mnt of
  /// another container; empty: the shim's own. Berth's addition ("sourceNamespace").
  std::string source_namespace{};
};

struct DeviceNode {
  std::string path;
  char type = 'c';  // 'c', 'b', 'p'
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  /// The device's file on the host, for containers that cannot be given a node of their own.
  /// Berth's addition ("hostPath").
  std::string host_path{};
};

/// The container's root file system; the container's own mount namespace mounts it.
struct Rootfs {
  enum class Kind { kOverlay, kBind };
  Kind kind = Kind::kBind;
  std::vector<std::string> lower;  // overlay: absolute directories, topmost first
  std::string upper;
  std::string work;
  std::string path;  // bind: absolute directory
};

// --- namespaces ----------------------------------------------------------------------------------

enum class NamespaceKind { kPid, kNetwork, kMount, kIpc, kUts, kCgroup, kUser };

struct Namespace {
  NamespaceKind kind = NamespaceKind::kMount;
  std::string path;  // of a namespace to join; empty: a new one
};

// --- resources (config-linux.json, "resources") --------------------------------------------------

struct DeviceRule {
  static constexpr unsigned kRead = 1;
  static constexpr unsigned kWrite = 2;
  static constexpr unsigned kMknod = 4;
  bool allow = false;
  char type = 'a';                     // 'a' (both), 'c', 'b'
  std::optional<std::uint32_t> major;  // none: all
  std::optional<std::uint32_t> minor;
  unsigned access = kRead | kWrite | kMknod;
};

struct MemoryResources {
  std::optional<std::int64_t> limit;        // bytes, -1: without a limit
  std::optional<std::int64_t> reservation;  // soft limit
  std::optional<std::int64_t> swap;         // memory and swap together, -1: without a limit
  std::optional<std::uint64_t> swappiness;
  std::optional<std::int64_t> kernel_tcp;  // bytes of TCP buffers
  bool disable_oom_killer = false;
};

struct CpuResources {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;  // microseconds a period, -1: without a limit
  std::optional<std::uint64_t> period;
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::string cpus;
  std::string mems;
};

struct BlockIoResources {
  struct DeviceWeight {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint16_t weight = 0;
  };
  struct Throttle {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint64_t rate = 0;
  };
  std::optional<std::uint16_t> weight;
  std::vector<DeviceWeight> weight_device;
  std::vector<Throttle> read_bps;
  std::vector<Throttle> write_bps;
  std::vector<Throttle> read_iops;
  std::vector<Throttle> write_iops;
};

struct HugepageLimit {
  std::string page_size;  // "2MB", "1GB"
  std::uint64_t limit = 0;
};

struct Resources {
  std::vector<DeviceRule> devices;  // in order, the last that matches decides
  MemoryResources memory;
  CpuResources cpu;
  BlockIoResources block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<std::int64_t> pids_limit;  // <= 0: without a limit
};

/// Parses an OCI "resources" object alone (the daemon's update of a running container). Throws
/// Error{kInvalidArgument}.
Resources parse_resources(std::string_view json);

// --- all of it -----------------------------------------------------------------------------------

struct Spec {
  Process process;
  bool readonly_root = false;
  std::vector<Mount> mounts;
  std::string hostname;
  std::string domainname;
  std::vector<Namespace> namespaces;
  IdRanges uid_mappings;  // of a user namespace, new or joined
  IdRanges gid_mappings;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string cgroups_path;  // below each hierarchy: "/berth/<id>"; empty: no cgroups of its own
  Resources resources;
  std::map<std::string, std::string> sysctl;
  std::vector<DeviceNode> devices;  // on top of null, zero, full, random, urandom, tty
  /// Of the new root: MS_PRIVATE, MS_SLAVE or MS_SHARED, perhaps with MS_REC.
  std::uint64_t root_propagation = 0;

  /// The entry of that kind, or null: then the process stays in the shim's own.
  const Namespace* find_namespace(NamespaceKind kind) const;
  /// True when the container gets a new namespace of that kind.
  bool has_new_namespace(NamespaceKind kind) const;
};

/// Where a log driver sends what it gets.
struct LogReceiver {
  std::string network;                         // "tcp", "udp", "unix" or "unixgram"
  std::vector<std::string> addresses;          // a path, or numbers with a port; tried in turn
  std::string shown;                           // as the user wrote it
  bool blocking = true;                        // the container waits while the receiver is slow
  std::int64_t buffer = 0;                     // bytes that may wait
  std::map<std::string, std::string> options;  // of the driver
  std::map<std::string, std::string> fields;   // of every message
};

struct LogSettings {
  std::string driver = "json-file";
  std::string file;  // name in the container's directory, or in a folder there; empty: none
  std::int64_t max_size = -1;  // bytes, -1: without a limit
  int max_file = 1;
  bool compress = false;
  std::map<std::string, std::string> attrs;
  std::optional<LogReceiver> receiver;
};

struct ForwardSettings {
  int fd_index = 0;      // into the descriptors that came with the document
  std::string protocol;  // "tcp", "udp"
  std::string container_ip;
  std::uint16_t container_port = 0;
};

/// A program with the command line of the OCI runtimes (create, start, delete), which makes the
/// container in place of launch_init().
struct OciRuntimeSettings {
  std::string name;
  std::string path;               // of the program, or a name to be looked up in PATH
  std::vector<std::string> args;  // in front of the command
  std::string root;               // the folder of its own state
};

/// A checkpoint of criu(8) that PID 1 is to be brought back from, in place of launch_init().
struct RestoreSettings {
  std::string program;  // criu
  std::string images;   // the folder of its images
  /// What the container's streams were called when it was checkpointed, as "pipe:[4711]"; empty for
  /// one that was none of the shim's pipes.
  std::vector<std::string> streams;
  std::vector<std::string> masked_files;  // masked_paths that were files
};

struct LaunchDocument {
  std::string id;
  Spec oci;
  Rootfs rootfs;
  bool open_stdin = false;
  bool stdin_once = false;
  LogSettings log;
  std::vector<ForwardSettings> forward;
  std::optional<OciRuntimeSettings> runtime;
  std::optional<RestoreSettings> restore;
};

/// With which the daemon starts a session in a container that runs.
struct SessionDocument {
  Process process;
  std::string memo;  // the daemon's, which a later daemon is told
};

/// Throws Error{kInvalidArgument} as parse_launch_document().
SessionDocument parse_session_document(std::string_view json);

/// Throws Error{kInvalidArgument} that names the field, what it is and what it must be; also for
/// what Berth cannot honour (another version).
LaunchDocument parse_launch_document(std::string_view json);

/// The OCI part alone.
Spec parse_spec(std::string_view json);

}  // namespace berth::runtime
