#include "pack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <catch2/catch.hpp>

namespace berth::test {

std::string pack(const std::string& text, Packing packing) {
  if (packing == Packing::kNone) return text;
  archive* const writer = archive_write_new();
  switch (packing) {
    case Packing::kGzip:
      archive_write_add_filter_gzip(writer);
      break;
    case Packing::kZstd:
      archive_write_add_filter_zstd(writer);
      break;
    case Packing::kXz:
      archive_write_add_filter_xz(writer);
      break;
    default:
      archive_write_add_filter_bzip2(writer);
  }
  archive_write_set_format_raw(writer);
  archive_write_set_bytes_per_block(writer, 1);
  std::string packed(text.size() + 65536, '\0');
  std::size_t used = 0;
  REQUIRE(archive_write_open_memory(writer, packed.data(), packed.size(), &used) == ARCHIVE_OK);
  archive_entry* const entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  REQUIRE(archive_write_header(writer, entry) == ARCHIVE_OK);
  REQUIRE(archive_write_data(writer, text.data(), text.size()) ==
          static_cast<la_ssize_t>(text.size()));
  archive_entry_free(entry);
  REQUIRE(archive_write_close(writer) == ARCHIVE_OK);
  archive_write_free(writer);
  packed.resize(used);
  return packed;
}

}  // namespace berth::test
