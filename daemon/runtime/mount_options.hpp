// The words of an OCI mount's "options", sorted into what the mount API takes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

struct MountOptions {
  bool bind = false;       // "bind", "rbind", or of the type "bind"
  bool recursive = false;  // "rbind"
  /// MOUNT_ATTR_* of mount_setattr(2), on the mount itself.
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  /// The same on every mount below as well ("rro", "rnosuid", ...).
  std::uint64_t set_recursive = 0;
  std::uint64_t clear_recursive = 0;
  /// MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE; 0: not asked for.
  std::uint64_t propagation = 0;
  bool propagation_recursive = false;
  /// Owners are translated as the container's user namespace does, if it has one ("idmap",
  /// "ridmap").
  bool map_ids = false;
  bool map_ids_recursive = false;
  /// What the file system itself is told: "size=64k"; without "=" a flag.
  std::vector<std::string> data;
};

/// Throws Error{kInvalidArgument} for options that contradict the type.
MountOptions parse_mount_options(const Mount& mount);

}  // namespace berth::runtime
