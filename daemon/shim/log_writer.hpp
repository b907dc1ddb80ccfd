// Cuts a container's output into lines and gives them to its log's sinks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/shim/log_sink.hpp"

namespace berth::shim {

class LogWriter {
 public:
  using Sinks = std::vector<std::unique_ptr<LogSink>>;

  /// No sink: nothing is kept.
  explicit LogWriter(Sinks sinks = {}) : sinks_(std::move(sinks)) {}

  /// Takes what the container wrote, in any portions; whole lines are passed on, a line without an
  /// end waits for it, up to kLineLimit. Lines of one portion bear the time at which it came.
  /// Takes what it is given, full or not.
  void append(Stream stream, std::string_view data);

  /// True when a sink wants no more for now.
  bool is_full() const noexcept;

  /// Passes on what is left of lines without an end: the stream is over.
  void finish();
  /// Behind finish(): calls `done` once the sinks are done, which takes a bounded time.
  void close(std::function<void()> done);

  /// Gives the buffers' memory back until they are needed again.
  void release_memory();

 private:
  /// What is known of the line that a stream is in the middle of.
  struct Unfinished {
    std::string text;       // not passed on yet
    std::string id;         // of a line of which parts were passed on
    int ordinal = 0;        // of the last of these
    timespec first_time{};  // of the first of these
  };

  void add_line(Stream stream, std::string_view text);
  void add_part(Stream stream, std::string_view text, bool last);
  void flush();
  Unfinished& unfinished(Stream stream) { return unfinished_[stream == Stream::kStdout ? 0 : 1]; }

  Sinks sinks_;
  std::array<Unfinished, 2> unfinished_;
  timespec now_{};
};

}  // namespace berth::shim
