#include "daemon/shim/log_writer.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::shim {

namespace {

// As other engines cut lines.
constexpr std::size_t kLineLimit = std::size_t{16} * 1024;
constexpr std::size_t kFlushAt = std::size_t{64} * 1024;
constexpr mode_t kLogMode = 0640;

std::string numbered(const std::string& file, int number) {
  return number == 0 ? file : file + "." + std::to_string(number);
}

}  // namespace

LogWriter::LogWriter(int folder, LogSettings settings)
    : folder_(folder), settings_(std::move(settings)) {}

bool LogWriter::open() {
  if (file_) return true;
  file_.reset(::openat(folder_, settings_.file.c_str(),
                       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kLogMode));
  if (!file_) return false;
  struct stat status{};
  size_ = ::fstat(file_.get(), &status) == 0 ? status.st_size : 0;
  return true;
}

void LogWriter::append(Stream stream, std::string_view data) {
  if (!settings_.enabled) return;
  std::string& rest = partial(stream);
  while (!data.empty()) {
    const std::size_t room = kLineLimit - rest.size();
    const std::size_t end = data.substr(0, room).find('\n');
    if (end == std::string_view::npos && data.size() < room) {
      rest.append(data);
      break;
    }
    const std::size_t length = end == std::string_view::npos ? room : end + 1;
    if (rest.empty()) {
      add_line(stream, data.substr(0, length));
    } else {
      rest.append(data, 0, length);
      add_line(stream, rest);
      rest.clear();
    }
    data.remove_prefix(length);
  }
  flush();
}

void LogWriter::finish() {
  if (!settings_.enabled) return;
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    std::string& rest = partial(stream);
    if (!rest.empty()) add_line(stream, rest);
    rest.clear();
  }
  flush();
}

void LogWriter::add_line(Stream stream, std::string_view line) {
  append_json_line(pending_, line, stream, clock_.now());
  ++pending_lines_;
  const auto pending = static_cast<std::int64_t>(pending_.size());
  const bool full = settings_.max_size > 0 && size_ + pending >= settings_.max_size;
  if (full || pending_.size() >= kFlushAt) flush();
  if (full) rotate();
}

void LogWriter::flush() {
  if (pending_.empty()) return;
  std::string_view data = pending_;
  bool whole = open();
  while (whole && !data.empty()) {
    const ssize_t written = ::write(file_.get(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      whole = false;
      break;
    }
    data.remove_prefix(static_cast<std::size_t>(written));
    size_ += written;
  }
  if (!whole) {
    lost_ += pending_lines_;
    // Half a line at the end would spoil the next one: cut it off, which frees space even on a full
    // disk.
    if (file_ && data.size() < pending_.size()) {
      const auto cut = static_cast<std::int64_t>(pending_.size() - data.size());
      if (::ftruncate(file_.get(), size_ - cut) == 0) size_ -= cut;
    }
  }
  pending_.clear();
  pending_lines_ = 0;
}

void LogWriter::rotate() {
  if (!file_) return;
  file_.reset();
  size_ = 0;
  if (settings_.max_file <= 1) {
    ::unlinkat(folder_, settings_.file.c_str(), 0);
    return;
  }
  ::unlinkat(folder_, numbered(settings_.file, settings_.max_file - 1).c_str(), 0);
  for (int number = settings_.max_file - 1; number > 0; --number) {
    ::renameat(folder_, numbered(settings_.file, number - 1).c_str(), folder_,
               numbered(settings_.file, number).c_str());
  }
}

}  // namespace berth::shim
