#include "daemon/image/unpack.hpp"

#include <cerrno>
#include <exception>
#include <optional>

#include "common/error.hpp"
#include "daemon/image/hashed_stream.hpp"
#include "daemon/image/layer_writer.hpp"
#include "daemon/image/libarchive.hpp"
#include "daemon/image/tar_recipe.hpp"

namespace berth::image {

namespace {

/// Shows what goes by to the writer of the tar's recipe, where there is one.
class RecordedStream : public ByteReader {
 public:
  RecordedStream(ByteReader& source, RecipeWriter* recipe) : source_(source), recipe_(recipe) {}
  std::span<const std::byte> next() override {
    const auto block = source_.next();
    if (recipe_ != nullptr) recipe_->feed(block);
    return block;
  }

 private:
  ByteReader& source_;
  RecipeWriter* recipe_;
};

/// The stream as libarchive's source. An exception must not pass through the C library: it waits
/// here.
struct Source {
  ByteReader& stream;
  std::exception_ptr failure;
  bool empty = true;
};

la_ssize_t read_source(archive* reader, void* source, const void** buffer) {
  auto& from = *static_cast<Source*>(source);
  try {
    const auto block = from.stream.next();
    from.empty = from.empty && block.empty();
    *buffer = block.data();
    return static_cast<la_ssize_t>(block.size());
  } catch (...) {
    from.failure = std::current_exception();
    archive_set_error(reader, EIO, "the layer cannot be read");
    return -1;
  }
}

void check_stop(const std::atomic<bool>* stop) {
  if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
    throw Error(ErrorKind::kCancelled, "unpacking was cancelled");
  }
}

/// Writes all entries; returns how many at the archive's end.
std::size_t write_entries(Source& source, LayerWriter& writer, const std::atomic<bool>* stop) {
  const ArchivePtr reader = make_tar_reader();
  if (archive_read_open(reader.get(), &source, nullptr, read_source, nullptr) != ARCHIVE_OK) {
    if (source.failure) std::rethrow_exception(source.failure);
    if (source.empty) return 0;  // no bytes at all: a layer without files
    throw_damaged(reader.get(), "the layer is no tar archive");
  }
  std::size_t count = 0;
  for (;;) {
    check_stop(stop);
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) return count;
    // A warning still comes with an entry, but one with something lost, such as part of its name.
    if (result != ARCHIVE_OK) {
      if (source.failure) std::rethrow_exception(source.failure);
      throw_damaged(reader.get(), "the layer is a damaged tar archive");
    }
    try {
      writer.write(reader.get(), entry);
      ++count;
    } catch (const Error&) {
      if (source.failure) std::rethrow_exception(source.failure);
      throw;
    }
  }
}

}  // namespace

Unpacked unpack_layer(const std::function<std::unique_ptr<ByteReader>()>& open, int root,
                      storage::Whiteouts whiteouts, const std::filesystem::path& recipe,
                      const std::atomic<bool>* stop) {
  const Utf8Locale locale;
  HashedStream stream(open);
  LayerWriter writer(root, whiteouts);
  std::optional<RecipeWriter> kept;
  if (!recipe.empty()) kept.emplace(recipe);
  RecordedStream recorded(stream, kept ? &*kept : nullptr);
  Source source{recorded, nullptr};
  Unpacked unpacked;
  unpacked.empty = write_entries(source, writer, stop) == 0;
  writer.finish();
  // What follows the archive's end belongs to the digest, and to the recipe.
  while (!recorded.next().empty()) {
  }
  if (kept) kept->finish();
  unpacked.diff_id = DiffId(stream.finish().str());
  unpacked.size = writer.size();
  return unpacked;
}

}  // namespace berth::image
