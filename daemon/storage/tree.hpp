// Whole trees of files: deleting and copying. Blocking.
#pragma once

#include <cstdint>
#include <string>

namespace berth::storage {

/// Deletes the folder or file `name` of the folder `parent` and all below it, however deep; follows
/// no link. Success when there is none. A very deep part is moved to `parent` on the way, under
/// a random name. Throws Error.
void remove_tree(int parent, const std::string& name);

/// Deletes what is in the folder, and not the folder. Throws Error.
void empty_folder(int folder);

/// Bytes of the regular files below the folder, one with several names once. Follows no link, and
/// holds three descriptors at most, however deep it goes. What is moved about meanwhile may be
/// missed. Throws Error when the folder itself cannot be read.
std::uint64_t tree_size(int folder);

/// Copies the content of the folder `from` to the empty folder `to`: owners, modes, times, extended
/// attributes, hard links, devices, holes; also the folder's own owner, mode and times. Throws
/// Error.
void copy_tree(int from, int to);

}  // namespace berth::storage
