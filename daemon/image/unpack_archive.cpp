#include "daemon/image/unpack_archive.hpp"

#include "common/error.hpp"
#include "daemon/image/layer_writer.hpp"
#include "daemon/image/libarchive.hpp"

namespace berth::image {

namespace {

constexpr std::size_t kBlock = std::size_t{256} * 1024;

/// Only what libarchive does itself: for other compressions it would run programs.
ArchivePtr make_reader() {
  ArchivePtr reader = make_tar_reader();
  if (archive_read_support_filter_gzip(reader.get()) != ARCHIVE_OK ||
      archive_read_support_filter_bzip2(reader.get()) != ARCHIVE_OK ||
      archive_read_support_filter_xz(reader.get()) != ARCHIVE_OK ||
      archive_read_support_filter_zstd(reader.get()) != ARCHIVE_OK) {
    throw Error(ErrorKind::kInternal, "cannot set up libarchive");
  }
  return reader;
}

}  // namespace

void unpack_archive(int in, int folder, const UnpackOptions& options) {
  const Utf8Locale locale;
  const ArchivePtr reader = make_reader();
  if (archive_read_open_fd(reader.get(), in, kBlock) != ARCHIVE_OK)
    throw_damaged(reader.get(), "the request's body is no tar archive");
  LayerWriter writer(folder, storage::Whiteouts::kLiteral);
  if (options.keep_kinds) writer.keep_kinds();
  writer.set_ids(options.ids);
  if (options.owner) writer.set_owner(options.owner->first, options.owner->second);
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK)
      throw_damaged(reader.get(), "the request's body is a damaged tar archive");
    writer.write(reader.get(), entry);
  }
  writer.finish();
}

}  // namespace berth::image
