// What the data root's file system can do. Blocking.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace berth::storage {

/// Why overlayfs cannot have its upper folder in `folder`, or nothing when it can. Makes an
/// overlay file system that is never mounted (fsopen(2)); needs CAP_SYS_ADMIN. Leaves a folder
/// there: removing one can take the kernel milliseconds, which a start-up need not wait for.
std::optional<std::string> overlay_problem(const std::filesystem::path& folder);

/// "extfs", "xfs", "btrfs", "tmpfs", ... or the magic number (statfs(2)).
std::string file_system_name(const std::filesystem::path& folder);

}  // namespace berth::storage
