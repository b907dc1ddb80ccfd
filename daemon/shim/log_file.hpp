// A log's file with its rotations. Written in large pieces, and never waited for: rotated files are
// compressed by a child process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/fd.hpp"
#include "daemon/shim/log_compressor.hpp"
#include "daemon/shim/log_sink.hpp"

namespace berth::shim {

struct LogFileSettings {
  std::string file;            // name in the container's folder
  std::int64_t max_size = -1;  // bytes; -1: never rotate
  int max_file = 1;            // files kept, the present one included
  bool compress = false;       // the rotated ones
};

class LogFile {
 public:
  /// `folder` must stay open, `loop` and `events` must stay. The file is opened at the first entry.
  LogFile(Loop& loop, int folder, LogFileSettings settings, const LogEvents& events);

  /// Room for an entry of at most `most` bytes, which has to be the same each time. Rotates and
  /// writes out as needed.
  char* reserve(std::size_t most);
  /// The entry that was written there ends at `end`.
  void commit(const char* end, const timespec& time);

  void flush();
  void release_memory() noexcept { buffer_.reset(); }

 private:
  /// Returns 0 or errno.
  int write_out(std::string_view& data);
  int open(int flags);
  void rotate();

  int folder_;
  LogFileSettings settings_;
  const LogEvents& events_;
  std::optional<LogCompressor> compressor_;
  Fd file_;
  std::int64_t size_ = 0;
  timespec last_time_{};
  std::unique_ptr<char[]> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t buffered_entries_ = 0;
};

}  // namespace berth::shim
