// Writes a container's output to its json-file log, with rotation.
#pragma once

#include <cstdint>
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
};

class LogWriter {
 public:
  /// `folder` must stay open. The file is opened at the first line. Nothing here throws: a log that
  /// cannot be written must not harm the container. Lines that are lost are counted.
  LogWriter(int folder, LogSettings settings);

  /// Takes what the container wrote, in any portions; whole lines are written, a line without an
  /// end waits for it, up to 16 KiB.
  void append(Stream stream, std::string_view data);

  /// Writes what is left of lines without an end: the stream is over.
  void finish();

  std::uint64_t lost_lines() const noexcept { return lost_; }

 private:
  void add_line(Stream stream, std::string_view line);
  void flush();
  bool open();
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
  std::string pending_;
  std::uint64_t pending_lines_ = 0;
  std::uint64_t lost_ = 0;
  LineClock clock_;
};

}  // namespace berth::shim
