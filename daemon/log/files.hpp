// The files of a log through its rotations: `file` is the newest, `file`.1 the one before, and so
// on; rotated ones may be compressed. A rotation renames them while they are looked for.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>

#include "daemon/log/source.hpp"

namespace berth::logs {

/// All of them, the oldest first. Throws Error.
std::deque<Source> open_files(const std::filesystem::path& file);

/// Those that are newer than the one with that identity, which is open, the oldest first. Throws
/// Error.
std::deque<Source> open_newer(const std::filesystem::path& file, std::uint64_t identity);

}  // namespace berth::logs
