// Writes a container's output to its json-file log, with rotation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/fd.hpp"
#include "daemon/shim/json_line.hpp"

namespace berth::shim {

struct LogSettings {
  bool enabled = false;        // false: driver "none"
  std::string file;            // name in the container's folder
  std::int64_t max_size = -1;  // bytes; -1: never rotate
  int max_file = 1;            // files kept, the present one included
  std::string attributes;      // of every line, as a JSON object; empty: none
};

class LogWriter {
 public:
  /// `folder` must stay open. The file is opened at the first line. Nothing here throws: a log that
  /// cannot be written must not harm the container. Lines that are lost are counted.
  LogWriter(int folder, LogSettings settings);

  /// Calls `action` with errno when lines are lost for the first time.
  void when_lost(std::function<void(int error)> action) { when_lost_ = std::move(action); }

  bool enabled() const noexcept { return settings_.enabled; }

  /// Takes what the container wrote, in any portions; whole lines are written, a line without an
  /// end waits for it, up to 16 KiB. Lines of one portion bear the time at which it came.
  void append(Stream stream, std::string_view data);

  /// Writes what is left of lines without an end: the stream is over.
  void finish();

  /// Gives the buffers' memory back until they are needed again.
  void release_memory();

  std::uint64_t lost_lines() const noexcept { return lost_; }

 private:
  void add_line(Stream stream, std::string_view line, std::string_view time);
  void flush();
  /// Returns 0 or errno.
  int write_out(std::string_view& data);
  int open(int flags);
  void rotate();
  std::string& partial(Stream stream) {
    return stream == Stream::kStdout ? partial_out_ : partial_err_;
  }

  int folder_;
  LogSettings settings_;
  Fd file_;
  std::int64_t size_ = 0;
  std::string partial_out_;
  std::string partial_err_;
  std::unique_ptr<char[]> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t buffered_lines_ = 0;
  std::uint64_t lost_ = 0;
  std::function<void(int)> when_lost_;
  LineClock clock_;
};

}  // namespace berth::shim
