// Tar archives to and from this machine's files, for `berth cp`. libarchive is loaded when it is
// first needed: linked, it and its own libraries would triple the time that every command takes to
// start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace berth::client {

/// What the names of an archive's entries become: `from`, their root, is replaced by `to`; all stay
/// as they are when `to` is empty.
struct Renaming {
  std::string from;
  std::string to;
};

std::string rename_entry(const Renaming& renaming, std::string name);

/// Writes the tree `renaming.from`, relative to the working folder, to a socket, and gives back how
/// many bytes that were. Links are not followed. Throws Error.
std::uint64_t write_tree(const Renaming& renaming, int socket);

/// Fills a buffer; 0 is the end.
using ReadBytes = std::function<std::size_t(char* buffer, std::size_t size)>;

/// Unpacks into the working folder; nothing gets out of it by "..", absolute names or links. Throws
/// Error.
void unpack_tree(const Renaming& renaming, const ReadBytes& read, bool owners);

}  // namespace berth::client
