// Mounts by descriptor (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2); Linux 5.12 and
// later). For PID 1 between clone and exec: no allocation, no exceptions; an empty Fd or false
// means that the reason was reported.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/fd.hpp"
#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/mount_options.hpp"

namespace berth::runtime {

/// A new file system, mounted nowhere. `data` are "key=value" or "flag" texts, `attributes`
/// MOUNT_ATTR_*.
Fd new_file_system(Report& report, const char* type, const char* source,
                   std::span<const std::string> data, std::uint64_t attributes);

/// fsopen's error log: the first line that says why, without its "e " in front.
FixedText<512> file_system_log(int context);

/// A copy of the mount at `path` (relative to `directory`, or "" for it), mounted nowhere.
Fd copy_tree(Report& report, int directory, const char* path, bool recursive);

/// Mounts `tree` over what `target` stands for.
bool attach_tree(Report& report, int tree, int target, std::string_view destination);

/// mount_setattr(2). `propagation` is MS_PRIVATE etc., or 0.
bool change_mount(Report& report, int tree, std::uint64_t set, std::uint64_t clear,
                  std::uint64_t propagation, bool recursive, std::string_view destination);

/// Translates the ids of files as `user_namespace` does; the tree must be mounted nowhere.
bool map_ids(Report& report, int tree, int user_namespace, bool recursive,
             std::string_view destination);

}  // namespace berth::runtime
