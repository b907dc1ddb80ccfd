// A container's files as tar archives: HEAD, GET and PUT /containers/{id}/archive, and export.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "common/time.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// What a path in a container is.
struct PathStat {
  std::string name;
  std::int64_t size = 0;
  std::uint32_t mode = 0;  // as Go's os.FileMode has it
  Timestamp modified;
  std::string link_target;  // absolute, inside the container; empty for what is no link
};

/// Called on a thread of the archive's own, and blocks there until the client took the piece.
/// Throws Error{kCancelled} when the client is gone or the daemon stops.
using ArchiveSink = std::function<void(std::string_view piece)>;
/// Fills the space and returns how much; 0 at the end.
using ArchiveSource = std::function<Task<std::size_t>(std::span<char> space)>;

struct ExtractOptions {
  bool keep_kinds = false;  // no folder takes the place of what is none, or the other way round
  bool own = false;         // all belongs to the container's user
};

/// A link at the path's end is not followed, unless a slash or "/." is behind it. Throws
/// Error{kNotFound} `Could not find the file x in container y`.
Task<PathStat> stat_path(Services& services, ContainerPtr container, std::string path);

/// The file or tree at the path as an archive; `begin` is called first, when it is known to be
/// there.
Task<> read_archive(Services& services, ContainerPtr container, std::string path,
                    std::function<Task<>(const PathStat&)> begin, ArchiveSink sink);

/// Unpacks an archive (plain, or compressed with gzip, bzip2, xz or zstd) into the folder at the
/// path. Throws Error: kNotFound, kInvalidArgument for what is no folder, kForbidden for a
/// read-only place.
Task<> write_archive(Services& services, ContainerPtr container, std::string path,
                     ExtractOptions options, ArchiveSource source);

/// GET /containers/{id}/export: everything but what is mounted into it.
Task<> export_container(Services& services, ContainerPtr container, std::function<Task<>()> begin,
                        ArchiveSink sink);

/// GET /containers/{id}/changes. The places that starts make for mounts are not among them.
Task<std::vector<storage::Change>> changes(Services& services, ContainerPtr container);

}  // namespace berth::container
