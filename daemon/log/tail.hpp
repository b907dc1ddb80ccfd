// Where the last entries of a file begin.
#pragma once

#include <cstddef>

#include <sys/types.h>

#include "daemon/log/entry.hpp"
#include "daemon/log/source.hpp"

namespace berth::logs {

struct Tail {
  off_t offset = 0;         // of the first of them
  std::size_t entries = 0;  // how many there are, at most as many as were asked for
};

/// A plain file is read from its end, and no more of it than is needed; a compressed one has to be
/// read as a whole. `entries` is at least 1. Throws Error.
Tail find_tail(Source& source, Format format, std::size_t entries);

}  // namespace berth::logs
