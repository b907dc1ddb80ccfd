#include "daemon/image/libarchive.hpp"

#include "common/error.hpp"

namespace berth::image {

ArchivePtr make_tar_reader() {
  ArchivePtr reader(archive_read_new());
  if (!reader || archive_read_support_filter_none(reader.get()) != ARCHIVE_OK ||
      archive_read_support_format_tar(reader.get()) != ARCHIVE_OK) {
    throw Error(ErrorKind::kInternal, "cannot set up libarchive");
  }
  return reader;
}

void throw_damaged(archive* reader, const std::string& what) {
  const char* const text = archive_error_string(reader);
  throw Error(ErrorKind::kInvalidArgument, what + ": " + (text != nullptr ? text : "damaged data"));
}

Utf8Locale::Utf8Locale() : utf8_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(nullptr) {
  // A system without that locale reads archives all the same; names beyond ASCII in their pax
  // headers are then what libarchive makes of them.
  if (utf8_ == nullptr) utf8_ = ::newlocale(LC_CTYPE_MASK, "C", nullptr);
  if (utf8_ == nullptr) throw_errno("newlocale", "C");
  before_ = ::uselocale(utf8_);
}

Utf8Locale::~Utf8Locale() {
  ::uselocale(before_);
  ::freelocale(utf8_);
}

}  // namespace berth::image
