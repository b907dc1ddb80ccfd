// One line of a json-file log, as Docker writes it; daemon/log reads it.
#pragma once

#include <string>
#include <string_view>

namespace berth::shim {

enum class Stream : unsigned char { kStdout = 1, kStderr = 2 };

/// Appends {"log":"...","stream":"...","time":"..."} and a line end to `out`. Bytes that are no
/// UTF-8 become U+FFFD; control characters, quotes, <, >, &, U+2028 and U+2029 are escaped as Go's
/// encoder does it.
void append_json_line(std::string& out, std::string_view message, Stream stream,
                      std::string_view time);

/// RFC 3339 with nanoseconds of the present moment. Keeps the date's text for the second that it is
/// of.
class LineClock {
 public:
  std::string_view now();

 private:
  long second_ = -1;
  char text_[40] = {};
};

}  // namespace berth::shim
