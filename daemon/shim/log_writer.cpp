#include "daemon/shim/log_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::shim {

namespace {

// As other engines cut lines.
constexpr std::size_t kLineLimit = std::size_t{16} * 1024;
constexpr std::size_t kFlushAt = std::size_t{64} * 1024;
// Any line fits into what a buffer that need not be flushed yet has left.
constexpr std::size_t kBufferSize = kFlushAt + json_line_bound(kLineLimit);  // and attributes
constexpr mode_t kLogMode = 0640;

std::string numbered(const std::string& file, int number) {
  return number == 0 ? file : file + "." + std::to_string(number);
}

/// Length of the line at the front of `data`, its end included, at most `room`; 0 when neither its
/// end nor so much is there.
std::size_t line_length(std::string_view data, std::size_t room) {
  const std::size_t searched = std::min(data.size(), room);
  const void* end = std::memchr(data.data(), '\n', searched);
  if (end != nullptr)
    return static_cast<std::size_t>(static_cast<const char*>(end) - data.data()) + 1;
  return searched == room ? room : 0;
}

}  // namespace

LogWriter::LogWriter(int folder, LogSettings settings)
    : folder_(folder), settings_(std::move(settings)) {}

int LogWriter::open(int flags) {
  file_.reset(::openat(folder_, settings_.file.c_str(),
                       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, kLogMode));
  if (!file_) return errno;
  struct stat status{};
  size_ = ::fstat(file_.get(), &status) == 0 ? status.st_size : 0;
  return 0;
}

void LogWriter::append(Stream stream, std::string_view data) {
  if (!settings_.enabled || data.empty()) return;
  std::string& rest = partial(stream);
  const std::string_view time = clock_.now();
  while (!data.empty()) {
    const std::size_t length = line_length(data, kLineLimit - rest.size());
    if (length == 0) {
      rest.append(data);
      break;
    }
    if (rest.empty()) {
      add_line(stream, data.substr(0, length), time);
    } else {
      rest.append(data, 0, length);
      add_line(stream, rest, time);
      rest.clear();
    }
    data.remove_prefix(length);
  }
  flush();
}

void LogWriter::finish() {
  if (!settings_.enabled) return;
  const std::string_view time = clock_.now();
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    std::string& rest = partial(stream);
    if (!rest.empty()) add_line(stream, rest, time);
    rest = {};
  }
  flush();
}

void LogWriter::release_memory() {
  buffer_.reset();
  for (const Stream stream : {Stream::kStdout, Stream::kStderr})
    partial(stream).shrink_to_fit();
}

void LogWriter::add_line(Stream stream, std::string_view line, std::string_view time) {
  if (!file_) (void)open(0);  // flush() tries again, and counts
  if (settings_.max_size > 0 && size_ + static_cast<std::int64_t>(filled_) >= settings_.max_size) {
    flush();
    rotate();
  }
  if (!buffer_)
    buffer_ = std::make_unique_for_overwrite<char[]>(kBufferSize + settings_.attributes.size());
  char* const begin = buffer_.get() + filled_;
  filled_ += static_cast<std::size_t>(
      write_json_line(begin, line, stream, time, settings_.attributes) - begin);
  ++buffered_lines_;
  if (filled_ >= kFlushAt) flush();
}

int LogWriter::write_out(std::string_view& data) {
  if (!file_) {
    if (const int error = open(0); error != 0) return error;
  }
  while (!data.empty()) {
    const ssize_t written = ::write(file_.get(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    data.remove_prefix(static_cast<std::size_t>(written));
    size_ += written;
  }
  return 0;
}

void LogWriter::flush() {
  if (filled_ == 0) return;
  std::string_view left(buffer_.get(), filled_);
  if (const int error = write_out(left); error != 0) {
    // Half a line at the end would spoil the next one: cut it off, which frees space even on a full
    // disk.
    const auto cut = static_cast<std::int64_t>(filled_ - left.size());
    if (cut > 0 && ::ftruncate(file_.get(), size_ - cut) == 0) size_ -= cut;
    const bool first = lost_ == 0;
    lost_ += buffered_lines_;
    if (first && when_lost_) when_lost_(error);
  }
  filled_ = 0;
  buffered_lines_ = 0;
}

void LogWriter::rotate() {
  if (!file_) return;
  if (settings_.max_file <= 1) {
    // A new file, not an emptied one: a reader is somewhere in the old one.
    ::unlinkat(folder_, settings_.file.c_str(), 0);
  }
  for (int number = settings_.max_file - 1; number > 0; --number) {
    ::renameat(folder_, numbered(settings_.file, number - 1).c_str(), folder_,
               numbered(settings_.file, number).c_str());
  }
  // Should the renaming have failed, the bound still holds.
  (void)open(O_TRUNC);
}

}  // namespace berth::shim
