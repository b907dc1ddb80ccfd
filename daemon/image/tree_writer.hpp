// Files on disk as a tar stream (pax): owners, modes, times, links, devices, attributes, holes.
//
// The tree may belong to a container that changes it meanwhile and means harm: everything is
// reached by descriptors, no link is followed, and only what is a regular file is opened for
// reading. What vanishes during the walk is left out.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sys/stat.h>

#include "common/fd.hpp"
#include "common/id_map.hpp"

struct archive;

namespace berth::image {

enum class Mounts {
  kFollow,  // what is mounted inside is part of the tree
  kSkip,    // only the empty mount points are
};

class TreeWriter {
 public:
  /// Takes the stream piece by piece; what it throws comes out of the call that wrote.
  using Sink = std::function<void(std::string_view piece)>;

  /// `ids` are those of the container whose files show the host's numbers. Throws Error.
  TreeWriter(Sink sink, Mounts mounts, IdMaps ids = {});
  ~TreeWriter();
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;

  /// Writes what `entry` (O_PATH) is, which the archive shows as `shown`, and all below it. Blocks.
  /// Throws Error.
  void add(int entry, const std::string& shown);
  /// What `entry` is, and not what is below it.
  void add_alone(int entry, const std::string& shown);
  /// Says that what a layer below has at this path is gone (OCI image layer specification,
  /// "Whiteouts").
  void add_whiteout(const std::string& path);
  /// All that is in the folder, without the folder itself, each by its own name.
  void add_children(int folder);
  /// Ends the archive. Throws Error.
  void finish();

 private:
  struct Free {
    void operator()(archive* writer) const noexcept;
  };

  void write_entry(int entry, const std::string& shown, int depth);
  /// True for a folder whose content is wanted.
  bool write_alone(int entry, const std::string& shown);
  void write_content(int file, const std::string& shown, std::uint64_t size);
  void write_children(int folder, const std::string& prefix, int depth);
  [[noreturn]] void fail(const std::string& shown) const;
  static ssize_t pass_on(archive* writer, void* self, const void* bytes, std::size_t size);

  Sink sink_;
  std::exception_ptr failure_;  // of the sink; libarchive is C
  std::unique_ptr<archive, Free> writer_;
  Mounts mounts_;
  IdMaps ids_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // files with several names
};

}  // namespace berth::image
