// What a container's root file system is made of: a description that the container's first process
// turns into mounts in its own mount namespace. The daemon mounts nothing.
#pragma once

#include <filesystem>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace berth::storage {

struct OverlayMount {
  /// Top layer first; never empty.
  std::vector<std::filesystem::path> lower;
  std::filesystem::path upper;
  std::filesystem::path work;
};

/// The folder itself is the root.
struct BindMount {
  std::filesystem::path path;
};

using RootfsMount = std::variant<OverlayMount, BindMount>;

/// {"type": "overlay", "lower": [...], "upper": "...", "work": "..."} or {"type": "bind", "path":
/// "..."}: the member "rootfs" of the launch document.
nlohmann::json to_json(const RootfsMount& mount);

}  // namespace berth::storage
