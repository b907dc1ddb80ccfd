// Options of a tmpfs, as HostConfig.Tmpfs writes them ("size=1m,uid=1000,exec") and as a mount of
// type tmpfs does.
#pragma once

#include <string>
#include <vector>

#include "api/mount.hpp"

namespace berth::container {

/// The words of the text, on top of noexec, nosuid and nodev; a later word wins over an earlier
/// one. Throws Error{kInvalidArgument} for one that tmpfs does not have.
std::vector<std::string> tmpfs_options(const std::string& text);

/// TmpfsOptions and ReadOnly of a mount as such a text. Throws Error{kInvalidArgument}.
std::string tmpfs_text(const api::Mount& wanted);

}  // namespace berth::container
