// One line of a json-file log, as Docker writes it; daemon/log reads it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <time.h>

#include "daemon/shim/log_sink.hpp"

namespace berth::shim {

/// Room that write_json_line() may need: every byte can become six, and there is the frame around.
constexpr std::size_t json_line_bound(std::size_t message_size) noexcept {
  constexpr std::size_t kFrame = 128;
  return message_size * 6 + kFrame;
}

/// Writes {"log":"...","stream":"...","time":"..."} and a line end to `out`, which has room for
/// json_line_bound() bytes, and returns the end of what it wrote. Bytes that are no UTF-8 become
/// U+FFFD; quotes, control characters, <, >, &, U+2028 and U+2029 are escaped as Docker's encoder
/// does it (a tab is \u0009). `time` is at most 40 bytes;
/// `attributes` is empty or a JSON object, for which the caller has room besides.
char* write_json_line(char* out, std::string_view message, Stream stream, std::string_view time,
                      std::string_view attributes = {});

/// RFC 3339 of a moment, with the nanoseconds that it has: trailing zeros are dropped, as Go's
/// RFC3339Nano does. Keeps the text of the second that it wrote last.
class LineClock {
 public:
  /// The text is valid until the next call.
  std::string_view format(const timespec& time);
  std::string_view now();

 private:
  static constexpr std::size_t kDateLength = 20;  // "2024-05-06T07:08:09."

  time_t second_ = -1;
  std::array<char, 40> text_ = {};
};

}  // namespace berth::shim
