// Paths inside a container's root, while the container's image, volumes and the people who write
// into them are hostile: symbolic links never lead out of the root (openat2(2)), and what is opened
// is used by its descriptor, never by its name again (CVE-2021-30465).
// Between clone and exec: no allocation, no exceptions; results are an empty Fd with errno set.
#pragma once

#include <string_view>

#include <sys/stat.h>
#include <sys/types.h>

#include "common/fd.hpp"

namespace berth::runtime {

/// openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS and O_CLOEXEC.
Fd try_open_in_root(int root, const char* path, int flags, mode_t mode = 0);

enum class Target { kDirectory, kFile };

/// Opens `path` with O_PATH; what is missing of it is made: folders with mode 0755, and at its end
/// a folder or an empty file with mode 0644. Links, also dangling ones, are followed inside the
/// root.
Fd open_or_make(int root, std::string_view path, Target target);

/// True when `fd` lies on a file system with this magic number (statfs(2)).
bool is_on_file_system(int fd, long magic);

/// True for the character device of these numbers.
bool is_character_device(int fd, unsigned major, unsigned minor);

}  // namespace berth::runtime
