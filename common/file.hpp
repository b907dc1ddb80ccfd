// Whole files, and paths that are not trusted.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "common/fd.hpp"

namespace berth {

/// open(2) with O_CLOEXEC. Throws Error with errno.
Fd open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);

/// openat(2) with O_CLOEXEC. Throws Error with errno.
Fd open_at(int directory, const std::string& path, int flags, mode_t mode = 0);

/// Opens `path` as a process whose root is `root` would: symbolic links and ".." cannot leave it
/// (openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS). For every path that came from an
/// image, an archive, a container or a request. Throws Error with errno.
Fd open_in_root(int root, const std::string& path, int flags, mode_t mode = 0);

/// The whole content. Throws Error; kTooLarge beyond `limit` bytes.
std::string read_file(const std::filesystem::path& path,
                      std::size_t limit = std::size_t{64} << 20U);
std::string read_all(int fd, std::string_view name, std::size_t limit = std::size_t{64} << 20U);

/// Writes every byte, however often write(2) returns early. Throws Error.
void write_all(int fd, std::string_view data, std::string_view name);

/// write(2) of an existing file such as those below /proc/sys and cgroups, in one call. Throws
/// Error.
void write_existing(const std::filesystem::path& path, std::string_view data);

enum class Durability { kVisible, kDurable };
/// Replaces `path` in one step: a temporary file beside it, then rename(2). With kDurable, file and
/// folder are synced, so that the new content survives power loss. Throws Error; on failure nothing
/// is left.
void write_file_atomic(const std::filesystem::path& path, std::string_view data, mode_t mode,
                       Durability durability = Durability::kDurable);

/// fsync(2) of a directory, which makes renames and creations in it durable. Throws Error.
void sync_directory(const std::filesystem::path& path);

}  // namespace berth
