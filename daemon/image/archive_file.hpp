// An archive of images, as `docker save` and OCI tools write it: its members by name, readable in
// any order and by many threads at once. Blocking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/fd.hpp"
#include "daemon/image/byte_reader.hpp"

namespace berth::image {

/// An unnamed file in `folder`, open for reading and writing: it needs no clean-up, whatever
/// happens. Throws Error.
Fd make_unnamed_file(const std::filesystem::path& folder);

class ArchiveFile {
 public:
  /// `file` is a regular file with the whole archive; when it is compressed, it is unpacked to an
  /// unnamed file in `folder`. Throws Error{kInvalidArgument} for what is no archive or a part of
  /// one.
  ArchiveFile(Fd file, const std::filesystem::path& folder);

  bool contains(std::string_view name) const;
  /// Throws Error: kInvalidArgument when there is no such member, kTooLarge.
  std::string read(std::string_view name, std::size_t limit) const;
  /// From the member's first byte to its last. Throws Error{kInvalidArgument}.
  std::unique_ptr<ByteReader> open(std::string_view name) const;
  /// Throws Error{kInvalidArgument}.
  std::uint64_t size(std::string_view name) const;

 private:
  struct Member {
    std::int64_t position = 0;  // of the header
    std::uint64_t size = 0;
    std::string link;  // another member's name; empty for a file
  };

  void read_index();
  const Member* find(std::string_view name) const;
  const Member& get(std::string_view name) const;

  Fd file_;
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace berth::image
