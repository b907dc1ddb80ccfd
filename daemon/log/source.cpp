#include "daemon/log/source.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include "common/error.hpp"
#include "common/file_identity.hpp"

namespace berth::logs {

namespace {

constexpr std::size_t kCompressedChunk = std::size_t{64} * 1024;
// RFC 1952: ten bytes, of which the fourth tells what follows; then, if it says so, a field of up
// to 64 KiB with its length in front of it.
constexpr std::size_t kGzipHead = 10;
constexpr unsigned kExtraFlag = 4;

Fd open_if_there(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno != ENOENT) throw_errno("open", path.native());
  return Fd(fd);
}

/// The extra field of a gzip header; "" for none.
std::string extra_field(int fd, const std::string& name) {
  std::array<unsigned char, kGzipHead + 2> head{};
  const ssize_t got = check_errno(::pread(fd, head.data(), head.size(), 0), "pread", name);
  if (got < static_cast<ssize_t>(head.size()) || (head[3] & kExtraFlag) == 0) return {};
  std::string field(head[kGzipHead] | static_cast<std::size_t>(head[kGzipHead + 1]) << 8U, '\0');
  const ssize_t read =
      check_errno(::pread(fd, field.data(), field.size(), head.size()), "pread", name);
  field.resize(static_cast<std::size_t>(read));
  return field;
}

}  // namespace

struct Source::Inflater {
  Inflater() {
    constexpr int kGzipOnly = 16;
    if (::inflateInit2(&stream, MAX_WBITS + kGzipOnly) != Z_OK)
      throw Error(ErrorKind::kInternal, "zlib: out of memory");
  }
  ~Inflater() { ::inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
  std::array<char, kCompressedChunk> input{};
  bool ended = false;
};

Source::Source(Fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {
  identity_ = file_identity(fd_.get());
}
Source::Source(Source&& other) noexcept = default;
Source& Source::operator=(Source&& other) noexcept = default;
Source::~Source() = default;

std::optional<Source> Source::open(const std::filesystem::path& path) {
  if (Fd fd = open_if_there(path)) return Source(std::move(fd), path);
  const std::filesystem::path compressed = path.native() + ".gz";
  Fd fd = open_if_there(compressed);
  if (!fd) return std::nullopt;
  Source source(std::move(fd), compressed);
  source.inflater_ = std::make_unique<Inflater>();
  source.read_gzip_header();
  return source;
}

/// {"lastTime":"...","identity":1}; other engines leave out the second.
void Source::read_gzip_header() {
  const auto json = nlohmann::json::parse(extra_field(fd_.get(), path_.native()), nullptr, false);
  if (!json.is_object()) return;
  if (const auto was = json.find("identity"); was != json.end() && was->is_number_unsigned())
    identity_ = was->get<std::uint64_t>();
  const auto time = json.find("lastTime");
  if (time == json.end() || !time->is_string()) return;
  try {
    last_time_ = parse_rfc3339(time->get<std::string>());
  } catch (const Error&) {
    // Then all of it is read.
  }
}

void Source::seek(off_t offset) {
  if (!inflater_) {
    offset_ = offset;
    return;
  }
  inflater_ = std::make_unique<Inflater>();
  offset_ = 0;
  std::array<char, kCompressedChunk> skipped;
  while (offset > 0) {
    const std::size_t got =
        read(skipped.data(), std::min(skipped.size(), static_cast<std::size_t>(offset)));
    if (got == 0) return;
    offset -= static_cast<off_t>(got);
  }
}

void Source::seek_end() {
  offset_ = check_errno(::lseek(fd_.get(), 0, SEEK_END), "lseek", path_.native());
}

std::size_t Source::read(char* into, std::size_t size) {
  return inflater_ ? inflate(into, size) : read_plain(into, size);
}

std::size_t Source::read_plain(char* into, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::pread(fd_.get(), into, size, offset_);
  } while (got < 0 && errno == EINTR);
  check_errno(got, "read", path_.native());
  offset_ += got;
  return static_cast<std::size_t>(got);
}

std::size_t Source::inflate(char* into, std::size_t size) {
  z_stream& stream = inflater_->stream;
  stream.next_out = reinterpret_cast<Bytef*>(into);
  stream.avail_out = static_cast<uInt>(size);
  while (stream.avail_out == size && !inflater_->ended) {
    if (stream.avail_in == 0) {
      auto& input = inflater_->input;
      stream.next_in = reinterpret_cast<Bytef*>(input.data());
      stream.avail_in = static_cast<uInt>(read_plain(input.data(), input.size()));
    }
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    if (result == Z_OK) continue;
    // A file that ends too early, or is none of gzip's, ends where it ends.
    inflater_->ended = true;
  }
  return size - stream.avail_out;
}

}  // namespace berth::logs
