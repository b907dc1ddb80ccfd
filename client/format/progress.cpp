#include "client/format/progress.hpp"

#include <algorithm>

#include "client/format/text.hpp"
#include "client/terminal/terminal.hpp"
#include "common/error.hpp"
#include "common/file.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kBarWidth = 50;
constexpr std::size_t kRoomForBar = 110;  // narrower terminals show the numbers alone
constexpr int kDigits = 4;

std::string size_text(std::int64_t bytes) {
  return format_decimal_size(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)), kDigits);
}

}  // namespace

std::string progress_bar(const api::ProgressDetail& detail, std::size_t width) {
  if (detail.current <= 0 && detail.total <= 0) return {};
  std::string current = size_text(detail.current);
  if (detail.total <= 0) return current;
  std::string numbers =
      (detail.current > detail.total) ? current : current + "/" + size_text(detail.total);
  if (width < kRoomForBar) return numbers;
  const double share =
      std::min(1.0, static_cast<double>(detail.current) / static_cast<double>(detail.total));
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(kBarWidth));
  std::string bar = std::string(filled, '=') + ">";
  bar.resize(kBarWidth + 1, ' ');
  return "[" + bar + "]  " + numbers;
}

ProgressDisplay::ProgressDisplay(int fd, bool quiet)
    : fd_(fd), quiet_(quiet), terminal_(is_terminal(fd)) {
  if (const auto size = window_size(fd)) columns_ = size->columns;
}

void ProgressDisplay::show(const api::ProgressMessage& message) {
  if (message.error_detail && !message.error_detail->message.empty()) {
    throw Error(ErrorKind::kInternal, printable(message.error_detail->message));
  }
  if (!message.error.empty()) throw Error(ErrorKind::kInternal, printable(message.error));
  if (quiet_) return;
  if (!message.stream.empty()) {
    write_all(fd_, printable(message.stream), "the output");
  } else if (terminal_ && !message.id.empty()) {
    show_in_place(message);
  } else {
    show_line(message);
  }
}

void ProgressDisplay::show_line(const api::ProgressMessage& message) {
  // A line for each step; the numbers in between are for terminals.
  const bool numbers = message.progress_detail &&
                       (message.progress_detail->current > 0 || message.progress_detail->total > 0);
  if (numbers || message.status.empty()) return;
  ids_.clear();  // what comes below this line starts afresh
  const std::string id = message.id.empty() ? "" : message.id + ": ";
  write_all(fd_, printable(id + message.status) + "\n", "the output");
}

void ProgressDisplay::show_in_place(const api::ProgressMessage& message) {
  auto position = std::find(ids_.begin(), ids_.end(), message.id);
  std::string text;
  if (position == ids_.end()) {
    ids_.push_back(message.id);
    position = ids_.end() - 1;
    text += "\n";
  }
  const std::string up = std::to_string(ids_.end() - position);
  std::string line = printable(message.id + ": " + message.status);
  if (message.progress_detail) {
    const std::string bar = progress_bar(*message.progress_detail, columns_);
    if (!bar.empty()) line += " " + bar;
  }
  if (columns_ > 1 && character_count(line) >= columns_) line = shorten(line, columns_ - 1);
  // Up to the line of this id, write it anew, and back below the last one.
  text += "\x1b[" + up + "A\r\x1b[2K" + line + "\x1b[" + up + "B\r";
  write_all(fd_, text, "the output");
}

}  // namespace berth::client
