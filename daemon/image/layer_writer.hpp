// Writes the entries of a layer's tar into the layer's folder: owners, modes, times, links,
// devices, attributes, holes and whiteouts (OCI image layer specification).
//
// One thread at a time. All that an entry says is hostile.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "common/id_map.hpp"
#include "daemon/image/layer_folders.hpp"
#include "daemon/storage/driver.hpp"

struct archive;
struct archive_entry;

namespace berth::image {

class LayerWriter {
 public:
  /// `root` must outlive the writer. Where the daemon is not root, files belong to it, and
  /// attributes that only root may set are left out.
  LayerWriter(int root, storage::Whiteouts whiteouts);

  /// Refuses entries that would put a folder in the place of what is none, or the other way round;
  /// otherwise the older is deleted.
  void keep_kinds() noexcept { keep_kinds_ = true; }
  /// Gives all that is written to this user, whatever the archive says.
  void set_owner(uid_t uid, gid_t gid) noexcept { owner_ = {uid, gid}; }

  /// The archive's owners are a container's, the files' are the host's.
  void set_ids(IdMaps ids) { ids_ = std::move(ids); }

  /// Writes one entry, whose data is read from `reader`. Throws Error: kInvalidArgument for what is
  /// wrong with the archive, kInternal with errno when the file system cannot take it.
  void write(archive* reader, archive_entry* entry);
  /// After the last entry: the folders' own modes and times, which writing into them would change.
  void finish();

  /// Bytes of the files.
  std::uint64_t size() const noexcept { return size_; }

 private:
  struct Attribute {
    std::string name;
    std::string value;
  };
  struct Metadata {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0;
    std::array<timespec, 2> times{};
    std::vector<Attribute> attributes;
  };
  /// Where an entry goes.
  struct Place {
    int folder = -1;
    std::string path;
    std::string name;
  };

  /// The path and the folders above it.
  void note_written(const std::string& path);
  Metadata read_metadata(archive_entry* entry) const;
  void check_kind(const Place& place, bool is_folder) const;
  void write_whiteout(std::string_view folder, std::string_view hidden);
  void write_opaque(std::string_view folder);
  void write_folder(const Place& place, Metadata metadata);
  void write_file(archive* reader, archive_entry* entry, const Place& place,
                  const Metadata& metadata);
  void write_link(const Place& place, archive_entry* entry);
  void write_symlink(const Place& place, archive_entry* entry, const Metadata& metadata);
  void write_special(const Place& place, archive_entry* entry, const Metadata& metadata);
  std::uint64_t copy_data(archive* reader, int file, const Place& place) const;

  /// Calls `create` (which returns a descriptor or 0, or -1 with errno), once more after making
  /// room when the name is taken.
  template <typename Create>
  int create(const Place& place, Create make);
  /// Takes away what has the name. True when that was a whiteout.
  bool clear(const Place& place);
  void apply(int file, const Metadata& metadata, bool created, const std::string& path) const;
  void set_attributes(int file, const Metadata& metadata, const std::string& path) const;
  void set_opaque(int folder, const std::string& path) const;
  [[noreturn]] static void fail(const char* call, const std::string& path, int error);

  int root_;
  storage::Whiteouts whiteouts_;
  bool is_root_;
  bool keep_kinds_ = false;
  std::optional<std::pair<uid_t, gid_t>> owner_;
  IdMaps ids_;
  mode_t umask_;
  LayerFolders folders_;
  /// Some open folder may be gone.
  bool stale_ = false;
  std::uint64_t size_ = 0;
  std::vector<std::pair<std::string, Metadata>> finish_;
  /// Only where whiteouts are applied: what this layer made stays.
  std::unordered_set<std::string> written_;
};

}  // namespace berth::image
