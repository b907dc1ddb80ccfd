// Reads a container's log through its rotations.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "common/time.hpp"
#include "daemon/log/entry.hpp"
#include "daemon/log/formatter.hpp"
#include "daemon/log/source.hpp"
#include "daemon/log/window.hpp"

namespace berth::logs {

struct ReadOptions {
  bool stdout_stream = true;
  bool stderr_stream = true;
  Appearance appearance;
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  /// Only the last so many lines; nothing means all. Counted before the other choices are made, as
  /// other engines do.
  std::optional<std::size_t> tail;
};

/// Blocking; call it on a pool, from one thread at a time. Files are opened at construction, so
/// what a rotation removes meanwhile is still read; a file that appears by rotation is followed by
/// identity.
class Reader {
 public:
  /// `file` is the newest log file. A log not yet begun is empty. Throws Error when the folder
  /// cannot be read.
  Reader(std::filesystem::path file, Format format, ReadOptions options);

  /// Appends formatted output to `out` until it holds about `enough` bytes or the log's present end
  /// is reached. Returns false when nothing is left to read now: end of the log, or wait and call
  /// again.
  bool read(std::string& out, std::size_t enough);

  /// True once an entry later than `until` was met: nothing more will come.
  bool past_until() const noexcept { return past_until_; }

 private:
  void seek_tail();
  bool fill();
  bool advance_file();
  bool wanted(const Entry& entry);

  std::filesystem::path file_;
  Format format_;
  const Codec& codec_;
  ReadOptions options_;
  Formatter formatter_;
  std::deque<Source> sources_;  // oldest first; the front one is being read
  Window window_;               // of the front one
  bool past_until_ = false;
  bool broken_ = false;  // nothing more can be found in the front one
  Entry entry_;
};

}  // namespace berth::logs
