#include "daemon/shim/log_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/random.h>

#include "common/text.hpp"

namespace berth::shim {

namespace {

/// Length of the line at the front of `data`, its end included, at most `room`; 0 when neither its
/// end nor so much is there.
std::size_t line_length(std::string_view data, std::size_t room) {
  const std::size_t searched = std::min(data.size(), room);
  const void* end = std::memchr(data.data(), '\n', searched);
  if (end != nullptr)
    return static_cast<std::size_t>(static_cast<const char*>(end) - data.data()) + 1;
  return searched == room ? room : 0;
}

std::string random_id() {
  std::array<unsigned char, 32> bytes{};
  // Up to 256 bytes come whole (getrandom(2)).
  (void)!::getrandom(bytes.data(), bytes.size(), 0);
  return to_hex(bytes);
}

}  // namespace

void LogWriter::append(Stream stream, std::string_view data) {
  if (sinks_.empty() || data.empty()) return;
  ::clock_gettime(CLOCK_REALTIME, &now_);
  std::string& rest = unfinished(stream).text;
  while (!data.empty()) {
    const std::size_t length = line_length(data, kLineLimit - rest.size());
    if (length == 0) {
      rest.append(data);
      break;
    }
    if (rest.empty()) {
      add_line(stream, data.substr(0, length));
    } else {
      rest.append(data, 0, length);
      add_line(stream, rest);
      rest.clear();
    }
    data.remove_prefix(length);
  }
  flush();
}

void LogWriter::add_line(Stream stream, std::string_view text) {
  const bool has_end = text.ends_with('\n');
  if (!has_end || !unfinished(stream).id.empty()) {
    add_part(stream, text, has_end);
    return;
  }
  const LogLine line{stream, text, now_};
  for (const auto& sink : sinks_)
    sink->add(line);
}

void LogWriter::add_part(Stream stream, std::string_view text, bool last) {
  Unfinished& state = unfinished(stream);
  if (state.id.empty()) {
    state.id = random_id();
    state.ordinal = 0;
    state.first_time = now_;
  }
  const LinePart part{state.id, ++state.ordinal, last};
  // All parts of a line are of the same time.
  const LogLine line{stream, text, state.first_time, &part};
  for (const auto& sink : sinks_)
    sink->add(line);
  if (last) state.id.clear();
}

void LogWriter::flush() {
  for (const auto& sink : sinks_)
    sink->flush();
}

bool LogWriter::is_full() const noexcept {
  return std::any_of(sinks_.begin(), sinks_.end(),
                     [](const auto& sink) { return sink->is_full(); });
}

void LogWriter::finish() {
  ::clock_gettime(CLOCK_REALTIME, &now_);
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    std::string& rest = unfinished(stream).text;
    if (!rest.empty()) add_line(stream, rest);
    rest = {};
  }
  flush();
}

void LogWriter::close(std::function<void()> done) {
  // One is left for the loop's own sake: `done` must not come before all were asked.
  auto left = std::make_shared<std::size_t>(sinks_.size() + 1);
  auto one_less = [left, done = std::move(done)] {
    if (--*left == 0) done();
  };
  for (const auto& sink : sinks_)
    sink->finish(one_less);
  one_less();
}

void LogWriter::release_memory() {
  for (const auto& sink : sinks_)
    sink->release_memory();
  for (Unfinished& state : unfinished_)
    state.text.shrink_to_fit();
}

}  // namespace berth::shim
