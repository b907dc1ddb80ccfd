// Owners and errors of libarchive's objects. For this room's .cpp files alone.
#pragma once

#include <memory>
#include <string>

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

namespace berth::image {

struct FreeArchive {
  void operator()(archive* reader) const noexcept { archive_read_free(reader); }
};
using ArchivePtr = std::unique_ptr<archive, FreeArchive>;

/// A reader for tar in its forms (v7, ustar, pax, GNU), uncompressed. Throws Error.
ArchivePtr make_tar_reader();

/// The reader's last error: "<what>: <text>", kind kInvalidArgument.
[[noreturn]] void throw_damaged(archive* reader, const std::string& what);

/// Makes this thread's locale UTF-8 while it lives: in the daemon's own, "C", libarchive would lose
/// every name of a pax header that is not ASCII.
class Utf8Locale {
 public:
  Utf8Locale();
  ~Utf8Locale();
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t utf8_;
  locale_t before_;
};

}  // namespace berth::image
