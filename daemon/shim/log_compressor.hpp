// Compresses the rotated files of a log by gzip, one at a time, in a child process: neither the
// container nor anybody else in the shim waits for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>
#include <time.h>

#include "common/fd.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

/// "c.log", "c.log.1", ...
std::string rotated_name(const std::string& file, int number);

/// Renames a file of a log, compressed or not; what had the new number is gone.
void rename_rotated(int folder, const std::string& file, int from, int to) noexcept;

class LogCompressor {
 public:
  LogCompressor(Loop& loop, int folder, std::string file, int max_file);
  ~LogCompressor();
  LogCompressor(const LogCompressor&) = delete;
  LogCompressor& operator=(const LogCompressor&) = delete;

  /// All numbers went up by one, and there is a new number 1, whose last entry is of that time.
  void rotated(const timespec& last_time);

  bool is_busy() const noexcept { return static_cast<bool>(child_); }

 private:
  void start_next();
  bool start(int number);
  void on_child_end();
  void put_in_place();

  Loop& loop_;
  int folder_;
  std::string file_;
  int max_file_;
  std::vector<std::string> last_times_;  // of the numbers from 1 on, as far as they are known
  Fd child_;                             // a pidfd while one works
  int number_ = 0;                       // of the file that it works on, by now
};

}  // namespace berth::shim
