#include "daemon/image/layer_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/image/entry_path.hpp"
#include "daemon/image/libarchive.hpp"
#include "daemon/storage/folder.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::image {

namespace {

constexpr mode_t kSpecialBits = 07000;
constexpr la_int64_t kFlushStep = la_int64_t{8} << 20U;

/// umask(2) cannot be asked without being changed for all threads; proc(5) tells.
mode_t process_umask() {
  const std::string status = read_file("/proc/self/status");
  const auto line = status.find("\nUmask:");
  if (line == std::string::npos) return 0777;  // only costs a needless fchmod a file
  return static_cast<mode_t>(std::strtoul(status.c_str() + line + 7, nullptr, 8));
}

/// Ids beyond 32 bits are malformed, and 2^32 - 1 means "leave it" to chown(2).
std::uint32_t check_owner(std::int64_t id, const char* path) {
  if (id >= 0 && id < std::numeric_limits<std::uint32_t>::max())
    return static_cast<std::uint32_t>(id);
  throw Error(ErrorKind::kInvalidArgument, "archive entry " + quote_entry(path) +
                                               " has the impossible owner " + std::to_string(id));
}

/// What an image may bring along. Never "trusted.overlay.*" and "user.overlay.*": those would
/// redirect lookups in the overlay; nor labels of this host's security modules.
bool is_wanted_attribute(std::string_view name) {
  if (name == "security.capability") return true;
  if (name == "system.posix_acl_access" || name == "system.posix_acl_default") return true;
  return name.starts_with("user.") && !name.starts_with("user.overlay.");
}

/// Errors that a name or link of the archive brings about.
bool is_archives_fault(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL:
    case EXDEV:
    case EMLINK:
      return true;
    default:
      return false;
  }
}

std::uint32_t mapped_id(const IdRanges& ranges, std::uint32_t id, const std::string& path) {
  if (const auto mapped = host_id(ranges, id)) return *mapped;
  throw Error(ErrorKind::kInvalidArgument, "archive entry " + quote_entry(path) + ": owner " +
                                               std::to_string(id) +
                                               " is not mapped in the container's user namespace");
}

}  // namespace

LayerWriter::LayerWriter(int root, storage::Whiteouts whiteouts)
    : root_(root),
      whiteouts_(whiteouts),
      is_root_(::geteuid() == 0),
      umask_(process_umask()),
      folders_(root) {}

void LayerWriter::fail(const char* call, const std::string& path, int error) {
  const std::string what =
      "archive entry " + quote_entry(path) + ": " + call + ": " + errno_text(error);
  throw Error(is_archives_fault(error) ? ErrorKind::kInvalidArgument : ErrorKind::kInternal, what,
              error);
}

LayerWriter::Metadata LayerWriter::read_metadata(archive_entry* entry) const {
  const char* const path = archive_entry_pathname(entry);
  Metadata metadata;
  metadata.uid = check_owner(archive_entry_uid(entry), path);
  metadata.gid = check_owner(archive_entry_gid(entry), path);
  if (owner_) std::tie(metadata.uid, metadata.gid) = *owner_;
  if (!ids_.empty()) {
    metadata.uid = mapped_id(ids_.uids, metadata.uid, path);
    metadata.gid = mapped_id(ids_.gids, metadata.gid, path);
  }
  metadata.mode = archive_entry_perm(entry) & 07777U;
  const timespec time{archive_entry_mtime(entry),
                      std::clamp(archive_entry_mtime_nsec(entry), 0L, 999'999'999L)};
  metadata.times = {time, time};
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (name != nullptr && is_wanted_attribute(name)) {
      metadata.attributes.push_back({name, std::string(static_cast<const char*>(value), size)});
    }
  }
  return metadata;
}

void LayerWriter::write(archive* reader, archive_entry* entry) {
  const char* const given = archive_entry_pathname(entry);
  if (given == nullptr) {
    throw Error(ErrorKind::kInvalidArgument, "an archive entry has a name that is not UTF-8");
  }
  Place place;
  place.path = clean_entry_path(given);
  Metadata metadata = read_metadata(entry);
  const auto type = archive_entry_filetype(entry);
  if (place.path.empty()) {
    if (type == AE_IFDIR) finish_.emplace_back(".", std::move(metadata));
    return;
  }
  if (std::exchange(stale_, false)) folders_.forget();
  const auto [folder, name] = split_path(place.path);
  const auto whiteout =
      whiteouts_ == storage::Whiteouts::kLiteral ? std::nullopt : parse_whiteout(name);
  if (whiteout) {
    if (whiteout->kind == Whiteout::Kind::kEntry) write_whiteout(folder, whiteout->name);
    if (whiteout->kind == Whiteout::Kind::kOpaque) write_opaque(folder);
    return;
  }
  place.folder = folders_.open(folder);
  place.name = name;
  if (whiteouts_ == storage::Whiteouts::kApply) note_written(place.path);
  if (keep_kinds_) check_kind(place, type == AE_IFDIR);
  if (archive_entry_hardlink(entry) != nullptr) {
    write_link(place, entry);
  } else if (type == AE_IFREG) {
    write_file(reader, entry, place, metadata);
  } else if (type == AE_IFDIR) {
    write_folder(place, std::move(metadata));
  } else if (type == AE_IFLNK) {
    write_symlink(place, entry, metadata);
  } else if (type == AE_IFCHR || type == AE_IFBLK || type == AE_IFIFO) {
    write_special(place, entry, metadata);
  }
}

void LayerWriter::check_kind(const Place& place, bool is_folder) const {
  struct stat status{};
  if (::fstatat(place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (S_ISDIR(status.st_mode) == is_folder) return;
  const std::string shown = quote_entry(place.path);
  throw Error(ErrorKind::kInvalidArgument,
              is_folder ? "cannot overwrite non-directory " + shown + " with directory " + shown
                        : "cannot overwrite directory " + shown + " with non-directory " + shown);
}

void LayerWriter::note_written(const std::string& path) {
  for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    written_.insert(path.substr(0, end));
  }
  written_.insert(path);
}

// ---- entries

template <typename Create>
int LayerWriter::create(const Place& place, Create make) {
  int result = make();
  if (result < 0 && errno == EEXIST) {
    clear(place);
    result = make();
  }
  return result;
}

bool LayerWriter::clear(const Place& place) {
  struct stat status{};
  if (::fstatat(place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    fail("fstatat", place.path, errno);
  }
  storage::remove_tree(place.folder, place.name);
  // Deleting a folder or a link may leave open folders that can be reached no more. place.folder is
  // one that is in use, so it is closed with the next entry, not here.
  if (S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode)) stale_ = true;
  return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

void LayerWriter::write_folder(const Place& place, Metadata metadata) {
  bool hides_lower = false;
  if (::mkdirat(place.folder, place.name.c_str(), 0700) != 0) {
    if (errno != EEXIST) fail("mkdirat", place.path, errno);
    struct stat status{};
    if (::fstatat(place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      fail("fstatat", place.path, errno);
    }
    if (!S_ISDIR(status.st_mode)) {
      hides_lower = clear(place) && whiteouts_ == storage::Whiteouts::kOverlay;
      if (::mkdirat(place.folder, place.name.c_str(), 0700) != 0)
        fail("mkdirat", place.path, errno);
    }
  }
  if (hides_lower)
    set_opaque(open_at(place.folder, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get(),
               place.path);
  finish_.emplace_back(place.path, std::move(metadata));
}

void LayerWriter::write_file(archive* reader, archive_entry* entry, const Place& place,
                             const Metadata& metadata) {
  const Fd file(create(place, [&] {
    return ::openat(place.folder, place.name.c_str(),
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, metadata.mode & 0777U);
  }));
  if (!file) fail("openat", place.path, errno);
  if (archive_entry_size(entry) > 0) size_ += copy_data(reader, file.get(), place);
  apply(file.get(), metadata, true, place.path);
}

std::uint64_t LayerWriter::copy_data(archive* reader, int file, const Place& place) const {
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  la_int64_t written = 0;
  la_int64_t flushed = 0;
  for (;;) {
    const int result = archive_read_data_block(reader, &data, &size, &offset);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK) throw_damaged(reader, "archive entry " + quote_entry(place.path));
    const char* from = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t count = ::pwrite(file, from, size, offset);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("write", place.path, errno);
      from += count;
      size -= static_cast<std::size_t>(count);
      offset += count;
    }
    written = std::max(written, offset);
    if (whiteouts_ != storage::Whiteouts::kLiteral && written - flushed >= kFlushStep) {
      // Only a hint: a layer is synced before its image is recorded, and the disk may as well
      // begin now.
      ::sync_file_range(file, flushed, written - flushed, SYNC_FILE_RANGE_WRITE);
      flushed = written;
    }
  }
  // At the end `offset` is the file's size: what follows the last block is a hole.
  if (offset > written && ::ftruncate(file, offset) != 0) fail("ftruncate", place.path, errno);
  return static_cast<std::uint64_t>(std::max(offset, written));
}

void LayerWriter::write_link(const Place& place, archive_entry* entry) {
  const std::string target = clean_entry_path(archive_entry_hardlink(entry));
  if (target == place.path) return;
  if (target.empty()) fail("link to the root", place.path, EINVAL);
  const auto [folder, name] = split_path(target);
  const std::string target_name(name);
  // Looking the target's folder up may close place.folder.
  const Fd own = Fd(place.folder == root_ ? -1 : ::fcntl(place.folder, F_DUPFD_CLOEXEC, 0));
  if (place.folder != root_ && !own) fail("fcntl", place.path, errno);
  const Place held{own ? own.get() : root_, place.path, place.name};
  const int target_folder = folders_.open(folder);
  const int result = create(held, [&] {
    return ::linkat(target_folder, target_name.c_str(), held.folder, held.name.c_str(), 0);
  });
  if (result != 0) fail(("link to " + quote_entry(target)).c_str(), place.path, errno);
}

void LayerWriter::write_symlink(const Place& place, archive_entry* entry,
                                const Metadata& metadata) {
  const char* const target = archive_entry_symlink(entry);
  if (target == nullptr) fail("link that is not UTF-8", place.path, EINVAL);
  // Where it leads is the container's business: it is only ever followed inside its root.
  if (create(place, [&] { return ::symlinkat(target, place.folder, place.name.c_str()); }) != 0) {
    fail("symlink", place.path, errno);
  }
  if (is_root_ && ::fchownat(place.folder, place.name.c_str(), metadata.uid, metadata.gid,
                             AT_SYMLINK_NOFOLLOW) != 0) {
    fail("chown", place.path, errno);
  }
  if (::utimensat(place.folder, place.name.c_str(), metadata.times.data(), AT_SYMLINK_NOFOLLOW) !=
      0) {
    fail("utimensat", place.path, errno);
  }
}

void LayerWriter::write_special(const Place& place, archive_entry* entry,
                                const Metadata& metadata) {
  const mode_t type = archive_entry_filetype(entry);
  const dev_t device = type == AE_IFIFO
                           ? 0
                           : ::makedev(static_cast<unsigned>(archive_entry_rdevmajor(entry)),
                                       static_cast<unsigned>(archive_entry_rdevminor(entry)));
  const auto make = [&] {
    return ::mknodat(place.folder, place.name.c_str(), type | 0600U, device);
  };
  if (create(place, make) != 0) fail("mknod", place.path, errno);
  if (is_root_ && ::fchownat(place.folder, place.name.c_str(), metadata.uid, metadata.gid,
                             AT_SYMLINK_NOFOLLOW) != 0) {
    fail("chown", place.path, errno);
  }
  // By a descriptor: whoever can write to the folder may have put a link in its place by now, which
  // chmod(2) would follow out of the root.
  const Fd made(::openat(place.folder, place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const std::string own = "/proc/self/fd/" + std::to_string(made.get());
  if (!made || ::chmod(own.c_str(), metadata.mode) != 0) fail("chmod", place.path, errno);
  if (::utimensat(place.folder, place.name.c_str(), metadata.times.data(), AT_SYMLINK_NOFOLLOW) !=
      0) {
    fail("utimensat", place.path, errno);
  }
}

// ---- metadata

void LayerWriter::apply(int file, const Metadata& metadata, bool created,
                        const std::string& path) const {
  // A file made by root belongs to 0:0 already, unless its folder hands its group down; those of
  // this layer get their modes at the end, so only folders of lower layers can.
  const bool owned = created && metadata.uid == 0 && metadata.gid == 0 &&
                     whiteouts_ == storage::Whiteouts::kOverlay;
  if (is_root_ && !owned && ::fchown(file, metadata.uid, metadata.gid) != 0) {
    fail("chown", path, errno);
  }
  // chown(2) clears the set-id bits, so the mode comes after it; and then the capabilities, which
  // it clears, too.
  const bool has_mode = created && (metadata.mode & (umask_ | kSpecialBits)) == 0;
  if (!has_mode && ::fchmod(file, metadata.mode) != 0) fail("chmod", path, errno);
  set_attributes(file, metadata, path);
  if (::futimens(file, metadata.times.data()) != 0) fail("utimens", path, errno);
}

void LayerWriter::set_attributes(int file, const Metadata& metadata,
                                 const std::string& path) const {
  for (const Attribute& attribute : metadata.attributes) {
    if (::fsetxattr(file, attribute.name.c_str(), attribute.value.data(), attribute.value.size(),
                    0) == 0) {
      continue;
    }
    // A capability that is lost changes what a program can do: that must be told. The others are
    // kept where the file system can.
    const bool must = is_root_ && attribute.name == "security.capability";
    const bool lacks = errno == ENOTSUP || errno == EPERM;
    if (must || !lacks) fail(("setxattr " + attribute.name).c_str(), path, errno);
  }
}

void LayerWriter::finish() {
  folders_.forget();
  // Backwards, since a folder that its owner may not write to comes in front of what is in it.
  // Of two entries for one folder the later counts.
  std::unordered_set<std::string_view> done;
  for (auto folder = finish_.rbegin(); folder != finish_.rend(); ++folder) {
    if (!done.insert(folder->first).second) continue;
    const Fd opened = folders_.find(folder->first);
    // A later entry may have taken its place.
    if (!opened) continue;
    apply(opened.get(), folder->second, false, folder->first);
  }
  finish_.clear();
}

// ---- whiteouts

void LayerWriter::set_opaque(int folder, const std::string& path) const {
  // Without root, overlays are mounted with the option "userxattr".
  const char* const name = is_root_ ? "trusted.overlay.opaque" : "user.overlay.opaque";
  if (::fsetxattr(folder, name, "y", 1, 0) != 0) fail("setxattr", path, errno);
}

void LayerWriter::write_whiteout(std::string_view folder, std::string_view hidden) {
  Place place;
  place.name = hidden;
  place.path = folder.empty() ? place.name : std::string(folder) + '/' + place.name;
  place.folder = folders_.open(folder);
  if (whiteouts_ == storage::Whiteouts::kApply) {
    if (written_.contains(place.path)) return;
    storage::remove_tree(place.folder, place.name);
    folders_.forget();
    return;
  }
  if (::mknodat(place.folder, place.name.c_str(), S_IFCHR, 0) == 0) return;
  if (errno != EEXIST) fail("mknod", place.path, errno);
  // This layer has the name itself, which hides the lower one; but a folder would be merged.
  const Fd own = folders_.find(place.path);
  if (own) set_opaque(own.get(), place.path);
}

void LayerWriter::write_opaque(std::string_view folder) {
  const int opened = folders_.open(folder);
  const std::string path(folder);
  if (whiteouts_ == storage::Whiteouts::kOverlay) {
    set_opaque(opened, path);
    return;
  }
  for (const std::string& name : storage::names_in(opened)) {
    std::string child = path;
    if (!child.empty()) child.push_back('/');
    if (!written_.contains(child.append(name))) storage::remove_tree(opened, name);
  }
  folders_.forget();
}

}  // namespace berth::image
