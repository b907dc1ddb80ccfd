#include "daemon/shim/log_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"

namespace berth::shim {

namespace {

constexpr std::size_t kFlushAt = std::size_t{64} * 1024;
constexpr mode_t kLogMode = 0640;

}  // namespace

LogFile::LogFile(Loop& loop, int folder, LogFileSettings settings, const LogEvents& events)
    : folder_(folder), settings_(std::move(settings)), events_(events) {
  if (settings_.compress && settings_.max_file > 1)
    compressor_.emplace(loop, folder_, settings_.file, settings_.max_file);
}

int LogFile::open(int flags) {
  file_.reset(::openat(folder_, settings_.file.c_str(),
                       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, kLogMode));
  if (!file_) return errno;
  struct stat status{};
  size_ = ::fstat(file_.get(), &status) == 0 ? status.st_size : 0;
  return 0;
}

char* LogFile::reserve(std::size_t most) {
  if (!file_) (void)open(0);  // flush() tries again, and counts
  if (settings_.max_size > 0 && size_ + static_cast<std::int64_t>(filled_) >= settings_.max_size) {
    flush();
    rotate();
  }
  // Any entry fits into what a buffer that need not be flushed yet has left.
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kFlushAt + most);
  return buffer_.get() + filled_;
}

void LogFile::commit(const char* end, const timespec& time) {
  filled_ = static_cast<std::size_t>(end - buffer_.get());
  last_time_ = time;
  ++buffered_entries_;
  if (filled_ >= kFlushAt) flush();
}

int LogFile::write_out(std::string_view& data) {
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

void LogFile::flush() {
  if (filled_ == 0) return;
  std::string_view left(buffer_.get(), filled_);
  if (const int error = write_out(left); error != 0) {
    // Half an entry at the end would spoil the next one: cut it off, which frees space even on a
    // full disk.
    const auto cut = static_cast<std::int64_t>(filled_ - left.size());
    if (cut > 0 && ::ftruncate(file_.get(), size_ - cut) == 0) size_ -= cut;
    events_.lost(buffered_entries_, "the log's file cannot be written: " + errno_text(error));
  }
  filled_ = 0;
  buffered_entries_ = 0;
}

void LogFile::rotate() {
  if (!file_) return;
  if (settings_.max_file <= 1) {
    // A new file, not an emptied one: a reader is somewhere in the old one.
    ::unlinkat(folder_, settings_.file.c_str(), 0);
  }
  for (int number = settings_.max_file - 1; number > 0; --number)
    rename_rotated(folder_, settings_.file, number - 1, number);
  // Should the renaming have failed, the bound still holds.
  (void)open(O_TRUNC);
  if (compressor_) compressor_->rotated(last_time_);
}

}  // namespace berth::shim
