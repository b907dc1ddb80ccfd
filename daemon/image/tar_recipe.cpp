#include "daemon/image/tar_recipe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::image {

namespace {

constexpr std::string_view kMagic = "brecipe1";
constexpr off_t kStart = 16;
constexpr std::uint64_t kUnfinished = UINT64_MAX;
constexpr std::size_t kMaxRaw = std::size_t{64} << 10U;
constexpr std::size_t kMaxPath = 4096;
constexpr std::size_t kPiece = std::size_t{1} << 20U;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

void check_zstd(std::size_t result, const char* what) {
  if (ZSTD_isError(result) == 0) return;
  throw Error(ErrorKind::kInternal, std::string(what) + ": " + ZSTD_getErrorName(result));
}

template <typename Integer>
std::string little_endian(Integer value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t index = 0; index < sizeof value; ++index)
    bytes[index] = static_cast<char>(static_cast<unsigned char>(value >> 8U * index));
  return bytes;
}

template <typename Integer>
Integer from_little_endian(std::string_view bytes) {
  Integer value = 0;
  for (std::size_t index = 0; index < sizeof value; ++index)
    value |= static_cast<Integer>(static_cast<unsigned char>(bytes[index])) << 8U * index;
  return value;
}

[[noreturn]] void no_recipe(const storage::LayerPlace& layer) {
  throw Error(ErrorKind::kNotImplemented,
              "the layer in " + layer.files.parent_path().native() +
                  " cannot leave this host: how to make its archive again is not known, since the "
                  "archive had a file twice or was unpacked by an older version");
}

[[noreturn]] void damaged(const std::string& what) {
  throw Error(ErrorKind::kInternal, "the recipe of a layer's archive is damaged: " + what);
}

Fd open_recipe(const storage::LayerPlace& layer) {
  Fd file(::open(layer.recipe.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) no_recipe(layer);
  if (!file) throw_errno("open", layer.recipe.native());
  return file;
}

std::uint64_t read_size(int file, const storage::LayerPlace& layer) {
  std::array<char, kStart> head{};
  if (::pread(file, head.data(), head.size(), 0) != kStart) damaged("it is too short");
  const std::string_view text(head.data(), head.size());
  if (!text.starts_with(kMagic)) damaged("it does not begin as one");
  const auto size = from_little_endian<std::uint64_t>(text.substr(kMagic.size()));
  if (size == kUnfinished) no_recipe(layer);
  return size;
}

/// The records' bytes, unpacked.
class Records {
 public:
  explicit Records(int file)
      : file_(file), context_(ZSTD_createDCtx()), packed_(ZSTD_DStreamInSize()) {
    if (!context_) throw std::bad_alloc();
    check_errno(::lseek(file, kStart, SEEK_SET), "lseek", "recipe");
  }

  /// So many bytes, good until the next call.
  std::string_view take(std::size_t count) {
    while (ready_.size() - at_ < count)
      more();
    const std::string_view bytes = std::string_view(ready_).substr(at_, count);
    at_ += count;
    return bytes;
  }

 private:
  void more() {
    ready_.erase(0, std::exchange(at_, 0));
    if (input_.pos == input_.size) {
      ssize_t got = 0;
      do {
        got = ::read(file_, packed_.data(), packed_.size());
      } while (got < 0 && errno == EINTR);
      if (got < 0) throw_errno("read", "recipe");
      if (got == 0) damaged("it ends early");
      input_ = {packed_.data(), static_cast<std::size_t>(got), 0};
    }
    const std::size_t before = ready_.size();
    ready_.resize(before + ZSTD_DStreamOutSize());
    ZSTD_outBuffer output{ready_.data() + before, ready_.size() - before, 0};
    const std::size_t result = ZSTD_decompressStream(context_.get(), &output, &input_);
    ready_.resize(before + output.pos);
    check_zstd(result, "reading the recipe of a layer's archive");
  }

  int file_;
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context_;
  std::vector<char> packed_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  std::string ready_;
  std::size_t at_ = 0;
};

/// Passes the tar on in large pieces.
class Rebuilder {
 public:
  Rebuilder(Fd root, const std::function<void(std::string_view)>& sink)
      : root_(std::move(root)), sink_(sink), buffer_(kPiece) {}

  void raw(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t part = std::min(bytes.size(), buffer_.size() - filled_);
      std::memcpy(buffer_.data() + filled_, bytes.data(), part);
      bytes.remove_prefix(part);
      advance(part);
    }
  }

  void file(const std::string& path, std::uint64_t size) {
    const Fd file = open_in_root(root_.get(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat status{};
    check_errno(::fstat(file.get(), &status), "fstat", path);
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size)
      damaged("the file " + path + " of the layer has changed");
    off_t position = 0;
    while (size > 0) {
      const std::size_t wanted = std::min<std::uint64_t>(size, buffer_.size() - filled_);
      const ssize_t got = ::pread(file.get(), buffer_.data() + filled_, wanted, position);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno("read", path);
      if (got == 0) damaged("the file " + path + " of the layer has changed");
      position += got;
      size -= static_cast<std::uint64_t>(got);
      advance(static_cast<std::size_t>(got));
    }
  }

  /// Bytes in all.
  std::uint64_t finish() {
    flush();
    return total_;
  }

 private:
  void advance(std::size_t count) {
    filled_ += count;
    if (filled_ == buffer_.size()) flush();
  }
  void flush() {
    total_ += filled_;
    if (filled_ > 0) sink_({buffer_.data(), std::exchange(filled_, 0)});
  }

  Fd root_;
  const std::function<void(std::string_view)>& sink_;
  std::vector<char> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

/// The file on its way, with runs of bytes joined.
class RecipeFile {
 public:
  explicit RecipeFile(const std::filesystem::path& path)
      : path_(path.native()),
        file_(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)),
        context_(ZSTD_createCCtx()),
        packed_(ZSTD_CStreamOutSize()) {
    if (!context_) throw std::bad_alloc();
    check_zstd(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, 1), "zstd");
    write_all(file_.get(), std::string(kMagic) + little_endian(kUnfinished), path_);
  }

  void raw(std::span<const std::byte> bytes) {
    raw_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    total_ += bytes.size();
    if (raw_.size() >= kMaxRaw) flush_raw();
  }

  void file(const std::string& path, std::uint64_t size) {
    flush_raw();
    put("F" + little_endian(size) + little_endian(static_cast<std::uint32_t>(path.size())) + path);
    total_ += size;
  }

  void finish() {
    flush_raw();
    pack("E", ZSTD_e_end);
    const std::string size = little_endian(total_);
    check_errno(::pwrite(file_.get(), size.data(), size.size(), static_cast<off_t>(kMagic.size())),
                "pwrite", path_);
  }

 private:
  void flush_raw() {
    std::string_view rest = raw_;
    while (!rest.empty()) {
      const std::string_view part = rest.substr(0, kMaxRaw);
      rest.remove_prefix(part.size());
      put("R" + little_endian(static_cast<std::uint32_t>(part.size())));
      put(part);
    }
    raw_.clear();
  }

  void put(std::string_view bytes) { pack(bytes, ZSTD_e_continue); }

  void pack(std::string_view bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (bool done = false; !done;) {
      ZSTD_outBuffer output{packed_.data(), packed_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &output, &input, directive);
      check_zstd(left, "writing the recipe of a layer's archive");
      write_all(file_.get(), {packed_.data(), output.pos}, path_);
      done = directive == ZSTD_e_end ? left == 0 : input.pos == input.size;
    }
  }

  std::string path_;
  Fd file_;
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> context_;
  std::vector<char> packed_;
  std::string raw_;
  std::uint64_t total_ = 0;
};

RecipeWriter::RecipeWriter(const std::filesystem::path& path)
    : path_(path),
      file_(std::make_unique<RecipeFile>(path)),
      entries_({[this](std::span<const std::byte> bytes) { file_->raw(bytes); },
                [this](const std::string& file, std::uint64_t size) { file_->file(file, size); }}) {
}

RecipeWriter::~RecipeWriter() = default;

void RecipeWriter::feed(std::span<const std::byte> bytes) {
  entries_.feed(bytes);
}

void RecipeWriter::finish() {
  if (entries_.files_stay() && entries_.is_whole()) {
    file_->finish();
  } else {
    file_.reset();
    ::unlink(path_.c_str());
  }
}

std::uint64_t tar_size(const storage::LayerPlace& layer) {
  const Fd file = open_recipe(layer);
  return read_size(file.get(), layer);
}

void rebuild_tar(const storage::LayerPlace& layer,
                 const std::function<void(std::string_view piece)>& sink) {
  const Fd file = open_recipe(layer);
  const std::uint64_t size = read_size(file.get(), layer);
  Records records(file.get());
  Rebuilder rebuilder(open_file(layer.files, O_PATH | O_DIRECTORY), sink);
  for (;;) {
    const char kind = records.take(1).front();
    if (kind == 'E') break;
    if (kind == 'R') {
      const auto length = from_little_endian<std::uint32_t>(records.take(4));
      if (length > kMaxRaw) damaged("a record is too long");
      rebuilder.raw(records.take(length));
    } else if (kind == 'F') {
      const auto content = from_little_endian<std::uint64_t>(records.take(8));
      const auto length = from_little_endian<std::uint32_t>(records.take(4));
      if (length > kMaxPath) damaged("a path is too long");
      rebuilder.file(std::string(records.take(length)), content);
    } else {
      damaged("a record's kind is unknown");
    }
  }
  if (rebuilder.finish() != size) damaged("it makes an archive of another size");
}

}  // namespace berth::image
