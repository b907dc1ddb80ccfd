#include "daemon/log/reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::logs {

namespace {

constexpr std::size_t kChunk = std::size_t{256} * 1024;
// More files than any sensible max-file; only a bound for the search.
constexpr int kMaxRotations = 1000;

std::filesystem::path rotated(const std::filesystem::path& file, int number) {
  return number == 0 ? file : std::filesystem::path(file.native() + "." + std::to_string(number));
}

ino_t inode_of(int fd, const std::filesystem::path& path) {
  struct stat status{};
  check_errno(::fstat(fd, &status), "fstat", path.native());
  return status.st_ino;
}

std::optional<Fd> open_if_there(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0) return Fd(fd);
  if (errno == ENOENT) return std::nullopt;
  throw_errno("open", path.native());
}

/// Offset of the start of the last `lines` lines of the file, and how many it found.
std::pair<off_t, std::size_t> find_tail(int fd, std::size_t lines, const std::string& name) {
  struct stat status{};
  check_errno(::fstat(fd, &status), "fstat", name);
  std::vector<char> block(kChunk);
  off_t end = status.st_size;
  std::size_t found = 0;
  bool last_byte = true;
  while (end > 0) {
    const auto length =
        static_cast<std::size_t>(std::min<off_t>(end, static_cast<off_t>(block.size())));
    const off_t start = end - static_cast<off_t>(length);
    const ssize_t got = check_errno(::pread(fd, block.data(), length, start), "pread", name);
    for (ssize_t i = got - 1; i >= 0; --i) {
      // The line end of the last line ends that line and begins none.
      if (block[static_cast<std::size_t>(i)] == '\n' && !last_byte) {
        if (++found == lines) return {start + i + 1, found};
      }
      last_byte = false;
    }
    end = start;
  }
  return {0, status.st_size > 0 ? found + 1 : 0};
}

/// RFC 3339 with all nine digits, so that columns align.
std::string padded_time(std::string_view time) {
  std::string text(time);
  if (!text.ends_with('Z')) return text;
  text.pop_back();
  std::size_t point = text.find('.');
  if (point == std::string::npos) {
    point = text.size();
    text.push_back('.');
  }
  text.append(point + 10 - std::min(point + 10, text.size()), '0');
  return text + "Z";
}

std::string attributes_text(const std::string& json) {
  std::string text;
  const auto attributes = nlohmann::json::parse(json, nullptr, false);
  if (!attributes.is_object()) return text;
  for (const auto& [key, value] : attributes.items()) {
    if (!text.empty()) text.push_back(',');
    text += key + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

void append_frame_header(Stream stream, std::size_t length, std::string& out) {
  const std::array<char, 8> header{static_cast<char>(stream == Stream::kStdout ? 1 : 2),
                                   0,
                                   0,
                                   0,
                                   static_cast<char>(length >> 24U & 0xffU),
                                   static_cast<char>(length >> 16U & 0xffU),
                                   static_cast<char>(length >> 8U & 0xffU),
                                   static_cast<char>(length & 0xffU)};
  out.append(header.data(), header.size());
}

}  // namespace

Reader::Reader(std::filesystem::path file, ReadOptions options)
    : file_(std::move(file)), options_(options) {
  open_existing();
  if (options_.tail) seek_tail();
}

void Reader::open_existing() {
  // A rotation renames file to file.1 and so on. Opening from the newest on meets a file twice at
  // most, never misses one; the second meeting is dropped by inode.
  for (int number = 0; number < kMaxRotations; ++number) {
    const std::filesystem::path path = rotated(file_, number);
    auto fd = open_if_there(path);
    if (!fd) {
      if (number == 0) continue;  // between rename and creation of the new one
      break;
    }
    const ino_t inode = inode_of(fd->get(), path);
    if (!sources_.empty() && sources_.front().inode == inode) continue;
    sources_.push_front(Source{std::move(*fd), inode});
  }
}

void Reader::seek_tail() {
  std::size_t missing = *options_.tail;
  for (std::size_t i = sources_.size(); i-- > 0;) {
    Source& source = sources_[i];
    if (missing == 0) {
      const off_t end = ::lseek(source.fd.get(), 0, SEEK_END);
      if (i + 1 < sources_.size() || end < 0)
        sources_.erase(sources_.begin() + static_cast<long>(i));
      continue;
    }
    const auto [offset, found] = find_tail(source.fd.get(), missing, file_.native());
    check_errno(::lseek(source.fd.get(), offset, SEEK_SET), "lseek", file_.native());
    missing -= std::min(missing, found);
  }
}

bool Reader::fill() {
  if (sources_.empty()) open_existing();
  if (sources_.empty()) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t used = buffer_.size();
  buffer_.resize(used + kChunk);
  ssize_t got = 0;
  do {
    got = ::read(sources_.front().fd.get(), buffer_.data() + used, kChunk);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(used + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) throw_errno("read", file_.native());
  return got > 0;
}

bool Reader::advance_file() {
  if (sources_.empty()) return false;
  if (sources_.size() == 1) {
    // Was the file that we are at the end of rotated away? Then the next one is what replaced it.
    const ino_t mine = sources_.front().inode;
    std::deque<Source> newer;
    for (int number = 0; number < kMaxRotations; ++number) {
      const std::filesystem::path path = rotated(file_, number);
      auto fd = open_if_there(path);
      if (!fd) {
        if (number == 0) continue;
        break;
      }
      const ino_t inode = inode_of(fd->get(), path);
      if (inode == mine) break;
      newer.push_front(Source{std::move(*fd), inode});
    }
    if (newer.empty()) return false;
    // What was written between our last read and the rename is still in the old file.
    if (fill()) return true;
    sources_ = std::move(newer);
  } else {
    sources_.pop_front();
  }
  buffer_.clear();
  begin_ = 0;
  return true;
}

bool Reader::wanted(const Entry& entry) {
  if (options_.since || options_.until) {
    const auto time = entry_time(entry);
    if (!time) return false;
    if (options_.until && *time > *options_.until) {
      past_until_ = true;
      return false;
    }
    if (options_.since && *time < *options_.since) return false;
  }
  return entry.stream == Stream::kStdout ? options_.stdout_stream : options_.stderr_stream;
}

void Reader::format(const Entry& entry, std::string& out) const {
  std::string prefix;
  if (options_.timestamps) prefix = padded_time(entry.time) + " ";
  if (options_.details) prefix += attributes_text(entry.attributes_json) + " ";
  if (options_.multiplexed)
    append_frame_header(entry.stream, prefix.size() + entry.message.size(), out);
  out += prefix;
  out += entry.message;
}

bool Reader::read(std::string& out, std::size_t enough) {
  while (!past_until_ && out.size() < enough) {
    const void* end = begin_ < buffer_.size()
                          ? std::memchr(buffer_.data() + begin_, '\n', buffer_.size() - begin_)
                          : nullptr;
    if (end == nullptr) {
      if (fill() || advance_file()) continue;
      return false;
    }
    const auto length =
        static_cast<std::size_t>(static_cast<const char*>(end) - (buffer_.data() + begin_));
    const std::string_view line(buffer_.data() + begin_, length);
    begin_ += length + 1;
    if (decode_entry(line, entry_) && wanted(entry_)) format(entry_, out);
  }
  return !past_until_;
}

}  // namespace berth::logs
