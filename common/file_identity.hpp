// What tells a file from every other that was or will be on the same file system.
#pragma once

#include <cstdint>

namespace berth {

/// An inode's number is used again once the file is gone; together with the moment at which the
/// file was made (statx(2)) it is not, where the file system knows that moment. 0 when `fd` cannot
/// be asked.
std::uint64_t file_identity(int fd);

}  // namespace berth
