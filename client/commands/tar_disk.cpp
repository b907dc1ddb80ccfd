#include "client/commands/tar_disk.hpp"

#include <array>
#include <clocale>
#include <exception>
#include <memory>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "client/commands/command.hpp"
#include "common/error.hpp"

namespace berth::client {

namespace {

/// The functions of libarchive that are used here.
class Library {
 public:
  Library() : handle_(::dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) {
      throw Error(ErrorKind::kNotFound, "cp needs libarchive, which is not installed");
    }
    get(read_new, "archive_read_new");
    get(support_tar, "archive_read_support_format_tar");
    get(read_open, "archive_read_open");
    get(next_header, "archive_read_next_header");
    get(write_block, "archive_write_data_block");
    get(finish_entry, "archive_write_finish_entry");
    get(data_block, "archive_read_data_block");
    get(free, "archive_free");
    get(close, "archive_write_close");
    get(error_code, "archive_errno");
    get(error_text, "archive_error_string");
    get(disk_writer, "archive_write_disk_new");
    get(disk_options, "archive_write_disk_set_options");
    get(disk_reader, "archive_read_disk_new");
    get(disk_behaviour, "archive_read_disk_set_behavior");
    get(disk_physical, "archive_read_disk_set_symlink_physical");
    get(disk_open, "archive_read_disk_open");
    get(disk_descend, "archive_read_disk_descend");
    get(write_new, "archive_write_new");
    get(set_pax, "archive_write_set_format_pax_restricted");
    get(write_open, "archive_write_open");
    get(write_header, "archive_write_header");
    get(write_data, "archive_write_data");
    get(entry_name, "archive_entry_pathname");
    get(set_entry_name, "archive_entry_copy_pathname");
    get(entry_hardlink, "archive_entry_hardlink");
    get(set_entry_hardlink, "archive_entry_copy_hardlink");
    get(entry_type, "archive_entry_filetype");
    get(entry_size, "archive_entry_size");
    get(resolver_new, "archive_entry_linkresolver_new");
    get(resolver_strategy, "archive_entry_linkresolver_set_strategy");
    get(resolver_free, "archive_entry_linkresolver_free");
    get(linkify, "archive_entry_linkify");
  }
  // Never unloaded: the process is about to end.

  decltype(::archive_read_new)* read_new = nullptr;
  decltype(::archive_read_support_format_tar)* support_tar = nullptr;
  decltype(::archive_read_open)* read_open = nullptr;
  decltype(::archive_read_next_header)* next_header = nullptr;
  decltype(::archive_write_data_block)* write_block = nullptr;
  decltype(::archive_write_finish_entry)* finish_entry = nullptr;
  decltype(::archive_read_data_block)* data_block = nullptr;
  decltype(::archive_free)* free = nullptr;
  decltype(::archive_write_close)* close = nullptr;
  decltype(::archive_errno)* error_code = nullptr;
  decltype(::archive_error_string)* error_text = nullptr;
  decltype(::archive_write_disk_new)* disk_writer = nullptr;
  decltype(::archive_write_disk_set_options)* disk_options = nullptr;
  decltype(::archive_read_disk_new)* disk_reader = nullptr;
  decltype(::archive_read_disk_set_behavior)* disk_behaviour = nullptr;
  decltype(::archive_read_disk_set_symlink_physical)* disk_physical = nullptr;
  decltype(::archive_read_disk_open)* disk_open = nullptr;
  decltype(::archive_read_disk_descend)* disk_descend = nullptr;
  decltype(::archive_write_new)* write_new = nullptr;
  decltype(::archive_write_set_format_pax_restricted)* set_pax = nullptr;
  decltype(::archive_write_open)* write_open = nullptr;
  decltype(::archive_write_header)* write_header = nullptr;
  decltype(::archive_write_data)* write_data = nullptr;
  decltype(::archive_entry_pathname)* entry_name = nullptr;
  decltype(::archive_entry_copy_pathname)* set_entry_name = nullptr;
  decltype(::archive_entry_hardlink)* entry_hardlink = nullptr;
  decltype(::archive_entry_copy_hardlink)* set_entry_hardlink = nullptr;
  decltype(::archive_entry_filetype)* entry_type = nullptr;
  decltype(::archive_entry_size)* entry_size = nullptr;
  decltype(::archive_entry_linkresolver_new)* resolver_new = nullptr;
  decltype(::archive_entry_linkresolver_set_strategy)* resolver_strategy = nullptr;
  decltype(::archive_entry_linkresolver_free)* resolver_free = nullptr;
  decltype(::archive_entry_linkify)* linkify = nullptr;

  using Owner = std::unique_ptr<archive, decltype(::archive_free)*>;
  Owner own(archive* made) const { return {made, free}; }

  /// Throws for what is worse than a warning, and says the warnings.
  void check(archive* which, int result) const {
    if (result == ARCHIVE_OK) return;
    const char* const text = error_text(which);
    std::string message = text != nullptr ? text : "unknown failure of libarchive";
    const int code = error_code(which);
    if (code > 0) message += ": " + errno_text(code);
    if (result < ARCHIVE_WARN) throw Error(ErrorKind::kInternal, message);
    print_error("berth cp: warning: " + message + "\n");
  }

  void rename(archive_entry* entry, const Renaming& renaming) const {
    const char* const name = entry_name(entry);
    if (name == nullptr) throw Error(ErrorKind::kInvalidArgument, "an entry without a name");
    set_entry_name(entry, rename_entry(renaming, name).c_str());
    if (const char* const target = entry_hardlink(entry)) {
      set_entry_hardlink(entry, rename_entry(renaming, target).c_str());
    }
  }

 private:
  template <typename Function>
  void get(Function*& function, const char* name) {
    void* const found = ::dlsym(handle_, name);
    if (found == nullptr) {
      throw Error(ErrorKind::kInternal, std::string("libarchive lacks ") + name);
    }
    function = reinterpret_cast<Function*>(found);
  }

  void* handle_;
};

/// In the locale "C" libarchive would lose every name that is not ASCII.
void use_utf8() {
  static_cast<void>(std::setlocale(LC_CTYPE, "C.UTF-8"));  // NOLINT(concurrency-mt-unsafe)
}

struct Sink {
  int socket;
  std::uint64_t bytes = 0;
};

ssize_t send_part(archive* /*writer*/, void* data, const void* bytes, std::size_t size) {
  auto& sink = *static_cast<Sink*>(data);
  const ssize_t sent = ::send(sink.socket, bytes, size, MSG_NOSIGNAL);
  if (sent > 0) sink.bytes += static_cast<std::uint64_t>(sent);
  return sent;
}

/// Holes are sent as a pax header's list: the writer leaves their zeros out.
void write_content(const Library& library, archive* disk, archive* tar) {
  static constexpr std::array<char, 65536> kZeros{};
  la_int64_t written = 0;
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  int result = ARCHIVE_OK;
  while ((result = library.data_block(disk, &block, &size, &offset)) == ARCHIVE_OK) {
    while (written < offset) {
      const auto gap =
          std::min<std::size_t>(kZeros.size(), static_cast<std::size_t>(offset - written));
      if (library.write_data(tar, kZeros.data(), gap) < 0) library.check(tar, ARCHIVE_FATAL);
      written += static_cast<la_int64_t>(gap);
    }
    if (size > 0 && library.write_data(tar, block, size) < 0) library.check(tar, ARCHIVE_FATAL);
    written += static_cast<la_int64_t>(size);
  }
  if (result != ARCHIVE_EOF) library.check(disk, result);
}

struct Source {
  const ReadBytes& read;
  std::array<char, 65536> buffer{};
  std::exception_ptr failure{};  // libarchive is C: nothing may be thrown through it
};

ssize_t read_part(archive* /*reader*/, void* data, const void** bytes) {
  auto& source = *static_cast<Source*>(data);
  *bytes = source.buffer.data();
  try {
    return static_cast<ssize_t>(source.read(source.buffer.data(), source.buffer.size()));
  } catch (...) {
    source.failure = std::current_exception();
    return -1;
  }
}

/// As the daemon does with noOverwriteDirNonDir: libarchive would replace an empty folder.
void check_kind(const std::string& name, bool folder) {
  struct stat status{};
  if (::lstat(name.c_str(), &status) != 0 || S_ISDIR(status.st_mode) == folder) return;
  throw Error(ErrorKind::kConflict,
              folder ? "cannot overwrite non-directory \"" + name + "\" with directory"
                     : "cannot overwrite directory \"" + name + "\" with non-directory");
}

}  // namespace

std::string rename_entry(const Renaming& renaming, std::string name) {
  name.erase(0, std::min(name.find_first_not_of('/'), name.size()));
  if (renaming.to.empty()) return name.empty() ? "." : name;
  if (renaming.from == ".") {
    if (name == ".") name.clear();
    if (name.starts_with("./")) name.erase(0, 2);
    return name.empty() ? renaming.to : renaming.to + "/" + name;
  }
  if (name == renaming.from) return renaming.to;
  if (!name.starts_with(renaming.from + "/")) return name;
  return renaming.to + name.substr(renaming.from.size());
}

std::uint64_t write_tree(const Renaming& renaming, int socket) {
  use_utf8();
  const Library library;
  Sink sink{socket};  // before the writer, whose end may still send
  const auto disk = library.own(library.disk_reader());
  const auto tar = library.own(library.write_new());
  const std::unique_ptr<archive_entry_linkresolver, decltype(library.resolver_free)> links(
      library.resolver_new(), library.resolver_free);
  library.check(tar.get(), library.set_pax(tar.get()));
  library.resolver_strategy(links.get(), ARCHIVE_FORMAT_TAR);
  library.check(tar.get(), library.write_open(tar.get(), &sink, nullptr, send_part, nullptr));
  library.disk_physical(disk.get());
  library.disk_behaviour(disk.get(), ARCHIVE_READDISK_NO_ACL | ARCHIVE_READDISK_NO_FFLAGS);
  library.check(disk.get(), library.disk_open(disk.get(), renaming.from.c_str()));
  archive_entry* entry = nullptr;
  int result = ARCHIVE_OK;
  while ((result = library.next_header(disk.get(), &entry)) != ARCHIVE_EOF) {
    library.check(disk.get(), result);
    library.disk_descend(disk.get());
    if (library.entry_type(entry) == AE_IFSOCK) continue;  // tar has none
    archive_entry* spare = nullptr;
    library.linkify(links.get(), &entry, &spare);
    library.rename(entry, renaming);
    library.check(tar.get(), library.write_header(tar.get(), entry));
    if (library.entry_size(entry) > 0) write_content(library, disk.get(), tar.get());
  }
  library.check(tar.get(), library.close(tar.get()));
  return sink.bytes;
}

void unpack_tree(const Renaming& renaming, const ReadBytes& read, bool owners) {
  use_utf8();
  const Library library;
  const auto tar = library.own(library.read_new());
  const auto disk = library.own(library.disk_writer());
  Source source{read};
  library.disk_options(disk.get(), ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                       ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                       ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                                       ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |
                                       (owners ? ARCHIVE_EXTRACT_OWNER : 0));
  library.support_tar(tar.get());
  const auto check = [&](int result) {
    if (source.failure) std::rethrow_exception(source.failure);
    library.check(tar.get(), result);
  };
  check(library.read_open(tar.get(), &source, nullptr, read_part, nullptr));
  archive_entry* entry = nullptr;
  int result = ARCHIVE_OK;
  while ((result = library.next_header(tar.get(), &entry)) != ARCHIVE_EOF) {
    check(result);
    library.rename(entry, renaming);
    check_kind(library.entry_name(entry), library.entry_type(entry) == AE_IFDIR);
    // Not archive_read_extract(3): it makes a warning of an entry that cannot be written.
    library.check(disk.get(), library.write_header(disk.get(), entry));
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    while ((result = library.data_block(tar.get(), &block, &size, &offset)) == ARCHIVE_OK) {
      if (library.write_block(disk.get(), block, size, offset) < ARCHIVE_OK) {
        library.check(disk.get(), ARCHIVE_FATAL);
      }
    }
    if (result != ARCHIVE_EOF) check(result);
    library.check(disk.get(), library.finish_entry(disk.get()));
  }
  library.check(disk.get(), library.close(disk.get()));
}

}  // namespace berth::client
