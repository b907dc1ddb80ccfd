// Where lines of a container's output go: a file, or a receiver in the network.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <time.h>

namespace berth::shim {

enum class Stream : unsigned char { kStdout = 1, kStderr = 2 };

// As other engines cut lines.
inline constexpr std::size_t kLineLimit = std::size_t{16} * 1024;

/// A piece of a line that was too long, or that ended without a line end.
struct LinePart {
  std::string_view line_id;  // the same for all parts of a line
  int ordinal = 1;
  bool last = false;
};

struct LogLine {
  Stream stream;
  std::string_view text;  // with its end, if it has one; at most kLineLimit bytes
  timespec time;
  const LinePart* part = nullptr;  // null: a whole line

  std::string_view without_end() const {
    return text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
  }
};

class LogSink {
 public:
  virtual ~LogSink() = default;

  /// A log that cannot be kept must not harm the container: lines that are lost are reported.
  virtual void add(const LogLine& line) = 0;
  /// What was added shall be seen by others.
  virtual void flush() = 0;

  /// True when the container shall wait until when_ready() tells.
  virtual bool is_full() const noexcept { return false; }
  /// Calls `done` once everything is where it shall be, or as much as could be within a bounded
  /// time.
  virtual void finish(std::function<void()> done) { done(); }

  virtual void release_memory() noexcept {}
};

/// What sinks tell of themselves.
struct LogEvents {
  /// So many lines are lost; why is a text for the user, without a line's content.
  std::function<void(std::uint64_t lines, const std::string& why)> lost = [](auto, const auto&) {};
  /// A sink that was full is no more.
  std::function<void()> ready = [] {};
};

}  // namespace berth::shim
