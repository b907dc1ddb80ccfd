// Reads a container's json-file log through its rotations.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

#include "common/fd.hpp"
#include "common/time.hpp"
#include "daemon/log/entry.hpp"

namespace berth::logs {

struct ReadOptions {
  bool stdout_stream = true;
  bool stderr_stream = true;
  bool timestamps = false;
  bool details = false;
  /// With the 8-byte headers of the attach protocol before every message; without, as a terminal
  /// wrote it.
  bool multiplexed = true;
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  /// Only the last so many lines; nothing means all.
  std::optional<std::size_t> tail;
};

/// Blocking; call it on a pool, from one thread at a time. Files are opened at construction, so
/// what a rotation removes meanwhile is still read; a file that appears by rotation is followed by
/// inode.
class Reader {
 public:
  /// `file` is the newest log file; older ones are `file`.1, `file`.2, ... A log not yet begun is
  /// empty. Throws Error when the folder cannot be read.
  Reader(std::filesystem::path file, ReadOptions options);

  /// Appends formatted output to `out` until it holds about `enough` bytes or the log's present end
  /// is reached. Returns false when nothing is left to read now: end of the log, or wait and call
  /// again.
  bool read(std::string& out, std::size_t enough);

  /// True once an entry later than `until` was met: nothing more will come.
  bool past_until() const noexcept { return past_until_; }

 private:
  struct Source {
    Fd fd;
    ino_t inode = 0;
  };

  void open_existing();
  void seek_tail();
  bool fill();
  bool advance_file();
  void format(const Entry& entry, std::string& out) const;
  bool wanted(const Entry& entry);

  std::filesystem::path file_;
  ReadOptions options_;
  std::deque<Source> sources_;  // oldest first; the front one is being read
  std::string buffer_;
  std::size_t begin_ = 0;  // of the unread part of buffer_
  bool past_until_ = false;
  Entry entry_;
};

}  // namespace berth::logs
