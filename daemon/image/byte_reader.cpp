#include "daemon/image/byte_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "common/error.hpp"
#include "daemon/image/libarchive.hpp"

namespace berth::image {

namespace {

constexpr std::size_t kFileBlock = std::size_t{256} << 10U;

/// Gives back the first block that was looked at.
class RestartedReader : public ByteReader {
 public:
  RestartedReader(std::span<const std::byte> first, std::unique_ptr<ByteReader> rest)
      : first_(first), rest_(std::move(rest)) {}
  std::span<const std::byte> next() override {
    if (first_.empty()) return rest_->next();
    return std::exchange(first_, {});
  }

 private:
  std::span<const std::byte> first_;  // lies in rest_'s buffer, untouched until its next()
  std::unique_ptr<ByteReader> rest_;
};

/// libarchive's filters in front of its "raw" format, which is one entry of any content. The
/// filters are named one by one: "all" includes some that run programs.
class FilterReader : public ByteReader {
 public:
  explicit FilterReader(std::unique_ptr<ByteReader> source)
      : source_(std::move(source)), reader_(archive_read_new()) {
    archive* const reader = reader_.get();
    if (reader == nullptr || archive_read_support_filter_gzip(reader) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(reader) != ARCHIVE_OK ||
        archive_read_support_filter_xz(reader) != ARCHIVE_OK ||
        archive_read_support_filter_bzip2(reader) != ARCHIVE_OK ||
        archive_read_support_format_raw(reader) != ARCHIVE_OK ||
        archive_read_support_format_empty(reader) != ARCHIVE_OK) {
      throw Error(ErrorKind::kInternal, "cannot set up libarchive's decompression");
    }
    if (archive_read_open(reader, this, nullptr, read_source, nullptr) != ARCHIVE_OK) fail();
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader, &entry);
    if (result == ARCHIVE_EOF) {
      ended_ = true;
    } else if (result != ARCHIVE_OK) {
      fail();
    }
  }

  std::span<const std::byte> next() override {
    while (!ended_) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader_.get(), &data, &size, &offset);
      if (result == ARCHIVE_EOF) {
        ended_ = true;
      } else if (result != ARCHIVE_OK) {
        fail();
      } else if (size > 0) {
        return {static_cast<const std::byte*>(data), size};
      }
    }
    return {};
  }

 private:
  [[noreturn]] void fail() {
    if (failure_) std::rethrow_exception(failure_);
    throw_damaged(reader_.get(), "cannot decompress");
  }

  static la_ssize_t read_source(archive* reader, void* self, const void** buffer) {
    auto& filter = *static_cast<FilterReader*>(self);
    try {
      const auto block = filter.source_->next();
      *buffer = block.data();
      return static_cast<la_ssize_t>(block.size());
    } catch (...) {
      filter.failure_ = std::current_exception();
      archive_set_error(reader, EIO, "the source cannot be read");
      return -1;
    }
  }

  std::unique_ptr<ByteReader> source_;
  std::exception_ptr failure_;
  ArchivePtr reader_;  // last: it reads the source until it is freed
  bool ended_ = false;
};

}  // namespace

FileReader::FileReader(Fd file) : file_(std::move(file)), buffer_(kFileBlock) {
  ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

std::span<const std::byte> FileReader::next() {
  for (;;) {
    const ssize_t got = ::read(file_.get(), buffer_.data(), buffer_.size());
    if (got >= 0) return std::span(buffer_).first(static_cast<std::size_t>(got));
    if (errno != EINTR) throw_errno("read");
  }
}

bool is_compressed(std::span<const std::byte> beginning) {
  using namespace std::string_view_literals;
  constexpr std::array kMagics = {"\x1f\x8b"sv, "\x28\xb5\x2f\xfd"sv,
                                  "\xfd"
                                  "7zXZ\0"sv,
                                  "BZh"sv};
  const std::string_view text(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  return std::any_of(kMagics.begin(), kMagics.end(),
                     [&](std::string_view magic) { return text.starts_with(magic); });
}

std::unique_ptr<ByteReader> decompress(std::unique_ptr<ByteReader> source) {
  const auto first = source->next();
  const bool compressed = is_compressed(first);
  auto restarted = std::make_unique<RestartedReader>(first, std::move(source));
  if (!compressed) return restarted;
  return std::make_unique<FilterReader>(std::move(restarted));
}

}  // namespace berth::image
