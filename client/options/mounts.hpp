// -v, --mount and --tmpfs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/mount.hpp"

namespace berth::client {

/// A value of --mount: "type=bind,source=/a,target=/b,readonly". Throws Error{kInvalidArgument}.
api::Mount parse_mount(std::string_view text);

struct VolumeFlags {
  std::vector<std::string> binds;  // source:target[:options]
  api::KeySet anonymous;           // targets of volumes without a name
};
/// Values of -v. Throws Error{kInvalidArgument}.
VolumeFlags parse_volumes(const std::vector<std::string>& values);

/// Values of --tmpfs: "/run" or "/run:size=64m". Throws Error{kInvalidArgument}.
api::StringMap parse_tmpfs(const std::vector<std::string>& values);

}  // namespace berth::client
