#include "daemon/image/tree_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <vector>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/image/libarchive.hpp"
#include "daemon/storage/folder.hpp"

namespace berth::image {

namespace {

// Each level holds descriptors: a tree that is made to be deep must not take the daemon's.
constexpr int kDeepest = 500;
constexpr std::size_t kBlock = std::size_t{256} * 1024;

struct FreeEntry {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
using EntryPtr = std::unique_ptr<archive_entry, FreeEntry>;

/// The path by which calls that take a path alone reach the file itself, whatever it is.
std::string own_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

bool is_mount_point(int entry) {
  struct statx status{};
  return ::statx(entry, "", AT_EMPTY_PATH, 0, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool is_wanted_attribute(std::string_view name) {
  if (name == "security.capability") return true;
  if (name == "system.posix_acl_access" || name == "system.posix_acl_default") return true;
  return name.starts_with("user.") && !name.starts_with("user.overlay.");
}

void add_attributes(archive_entry* entry, int file) {
  const std::string path = own_path(file);
  const ssize_t length = ::listxattr(path.c_str(), nullptr, 0);
  if (length <= 0) return;
  std::string names(static_cast<std::size_t>(length), '\0');
  const ssize_t got = ::listxattr(path.c_str(), names.data(), names.size());
  if (got <= 0) return;
  names.resize(static_cast<std::size_t>(got));
  for (const std::string_view name : split(names, '\0')) {
    if (name.empty() || !is_wanted_attribute(name)) continue;
    const std::string key(name);
    const ssize_t size = ::getxattr(path.c_str(), key.c_str(), nullptr, 0);
    if (size < 0) continue;
    std::string value(static_cast<std::size_t>(size), '\0');
    const ssize_t read = ::getxattr(path.c_str(), key.c_str(), value.data(), value.size());
    if (read >= 0)
      archive_entry_xattr_add_entry(entry, key.c_str(), value.data(),
                                    static_cast<std::size_t>(read));
  }
}

/// Tells the archive where the file has data, when it has holes.
void add_holes(archive_entry* entry, int file, off_t size, blkcnt_t blocks) {
  constexpr off_t kUnit = 512;  // of st_blocks (stat(2))
  if (blocks * kUnit >= size) return;
  off_t position = 0;
  bool any = false;
  while (position < size) {
    const off_t data = ::lseek(file, position, SEEK_DATA);
    if (data < 0) break;
    off_t hole = ::lseek(file, data, SEEK_HOLE);
    if (hole < 0) hole = size;
    archive_entry_sparse_add_entry(entry, data, std::min(hole, size) - data);
    any = true;
    position = hole;
  }
  // Nothing but a hole: an empty piece at the end says so.
  if (!any) archive_entry_sparse_add_entry(entry, size, 0);
}

std::string link_target(int link) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
  if (length < 0) return {};
  target.resize(static_cast<std::size_t>(length));
  return target;
}

/// As the container sees it: what is not mapped is nobody's (proc_sys_kernel(5), overflowuid).
void show_owner(const IdMaps& ids, struct stat& status) {
  constexpr std::uint32_t kNobody = 65534;
  if (ids.empty()) return;
  status.st_uid = container_id(ids.uids, status.st_uid).value_or(kNobody);
  status.st_gid = container_id(ids.gids, status.st_gid).value_or(kNobody);
}

EntryPtr make_entry(const struct stat& status, const std::string& shown) {
  EntryPtr entry(archive_entry_new());
  if (!entry) throw std::bad_alloc();
  archive_entry_set_pathname(entry.get(), shown.c_str());
  archive_entry_set_filetype(entry.get(), status.st_mode & S_IFMT);
  archive_entry_set_perm(entry.get(), status.st_mode & 07777U);
  archive_entry_set_uid(entry.get(), status.st_uid);
  archive_entry_set_gid(entry.get(), status.st_gid);
  archive_entry_set_mtime(entry.get(), status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  archive_entry_set_size(entry.get(), S_ISREG(status.st_mode) ? status.st_size : 0);
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    archive_entry_set_rdevmajor(entry.get(), major(status.st_rdev));
    archive_entry_set_rdevminor(entry.get(), minor(status.st_rdev));
  }
  return entry;
}

}  // namespace

void TreeWriter::Free::operator()(archive* writer) const noexcept {
  // Without the end that closing would write: an archive that broke off must not look whole.
  archive_write_fail(writer);
  archive_write_free(writer);
}

TreeWriter::TreeWriter(Sink sink, Mounts mounts, IdMaps ids)
    : sink_(std::move(sink)), writer_(archive_write_new()), mounts_(mounts), ids_(std::move(ids)) {
  if (!writer_) throw std::bad_alloc();
  archive_write_set_format_pax_restricted(writer_.get());
  // Attributes as GNU tar and other engines write them.
  archive_write_set_format_option(writer_.get(), "pax", "xattrheader", "SCHILY");
  archive_write_set_bytes_per_block(writer_.get(), static_cast<int>(kBlock));
  archive_write_set_bytes_in_last_block(writer_.get(), 1);
  if (archive_write_open(writer_.get(), this, nullptr, pass_on, nullptr) != ARCHIVE_OK)
    fail("the archive");
}

TreeWriter::~TreeWriter() = default;

ssize_t TreeWriter::pass_on(archive* /*writer*/, void* self, const void* bytes, std::size_t size) {
  auto& writer = *static_cast<TreeWriter*>(self);
  try {
    writer.sink_({static_cast<const char*>(bytes), size});
    return static_cast<ssize_t>(size);
  } catch (...) {
    writer.failure_ = std::current_exception();
    return -1;
  }
}

void TreeWriter::fail(const std::string& shown) const {
  if (failure_) std::rethrow_exception(failure_);
  const char* const text = archive_error_string(writer_.get());
  throw Error(ErrorKind::kInternal,
              "writing " + shown + ": " + (text != nullptr ? text : "unknown error"),
              archive_errno(writer_.get()));
}

void TreeWriter::add(int entry, const std::string& shown) {
  const Utf8Locale locale;
  write_entry(entry, shown, 0);
}

void TreeWriter::add_alone(int entry, const std::string& shown) {
  const Utf8Locale locale;
  (void)write_alone(entry, shown);
}

void TreeWriter::add_whiteout(const std::string& path) {
  const Utf8Locale locale;
  const std::size_t name = path.rfind('/') + 1;  // 0 where there is no slash
  struct stat status{};
  status.st_mode = S_IFREG;
  const EntryPtr header = make_entry(status, path.substr(0, name) + ".wh." + path.substr(name));
  const int result = archive_write_header(writer_.get(), header.get());
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) fail(path);
}

void TreeWriter::add_children(int folder) {
  const Utf8Locale locale;
  write_children(folder, "", 0);
}

void TreeWriter::finish() {
  if (archive_write_close(writer_.get()) != ARCHIVE_OK) fail("the end of the archive");
}

void TreeWriter::write_entry(int entry, const std::string& shown, int depth) {
  if (write_alone(entry, shown)) write_children(entry, shown + "/", depth + 1);
}

bool TreeWriter::write_alone(int entry, const std::string& shown) {
  struct stat status{};
  if (::fstat(entry, &status) != 0) throw_errno("fstat", shown);
  if (S_ISSOCK(status.st_mode)) return false;  // tar has no word for them
  const bool hidden = mounts_ == Mounts::kSkip && is_mount_point(entry);
  const bool folder = S_ISDIR(status.st_mode);
  if (hidden && !folder) status.st_size = 0;
  show_owner(ids_, status);
  const EntryPtr header = make_entry(status, folder ? shown + "/" : shown);
  add_attributes(header.get(), entry);

  Fd content;
  if (S_ISLNK(status.st_mode)) archive_entry_set_symlink(header.get(), link_target(entry).c_str());
  if (S_ISREG(status.st_mode) && !hidden) {
    const auto [first, is_first] = status.st_nlink > 1
                                       ? linked_.try_emplace({status.st_dev, status.st_ino}, shown)
                                       : std::pair{linked_.end(), true};
    if (is_first) {
      // It is a regular file, and this name of it cannot become another: opening has no effect.
      content.reset(::open(own_path(entry).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
      if (!content) throw_errno("open", shown);
      add_holes(header.get(), content.get(), status.st_size, status.st_blocks);
    } else {
      archive_entry_set_hardlink(header.get(), first->second.c_str());
      archive_entry_set_size(header.get(), 0);
    }
  }
  const int result = archive_write_header(writer_.get(), header.get());
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) fail(shown);
  if (content) write_content(content.get(), shown, static_cast<std::uint64_t>(status.st_size));
  return folder && !hidden;
}

/// Exactly as many bytes as the header says, zeros where the file has shrunk meanwhile.
void TreeWriter::write_content(int file, const std::string& shown, std::uint64_t size) {
  std::vector<char> buffer(std::min<std::uint64_t>(size, kBlock));
  std::uint64_t position = 0;
  while (position < size) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), size - position);
    ssize_t got = ::pread(file, buffer.data(), wanted, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("read", shown);
    if (got == 0) {
      std::fill_n(buffer.begin(), wanted, '\0');
      got = static_cast<ssize_t>(wanted);
    }
    if (archive_write_data(writer_.get(), buffer.data(), static_cast<std::size_t>(got)) < 0)
      fail(shown);
    position += static_cast<std::uint64_t>(got);
  }
}

void TreeWriter::write_children(int folder, const std::string& prefix, int depth) {
  if (depth >= kDeepest) {
    throw Error(ErrorKind::kInvalidArgument,
                "the tree is deeper than " + std::to_string(kDeepest) + " folders: " + prefix);
  }
  std::vector<std::string> names = storage::names_in(folder);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const Fd entry(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (entry) write_entry(entry.get(), prefix + name, depth);  // else it vanished meanwhile
  }
}

}  // namespace berth::image
