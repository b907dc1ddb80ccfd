#include "daemon/log/formatter.hpp"

#include <array>

namespace berth::logs {

namespace {

enum class Frame : char { kStdout = 1, kStderr = 2, kSystemError = 3 };

void append_header(Frame frame, std::size_t length, std::string& out) {
  const std::array<char, 8> header{static_cast<char>(frame),
                                   0,
                                   0,
                                   0,
                                   static_cast<char>(length >> 24U & 0xffU),
                                   static_cast<char>(length >> 16U & 0xffU),
                                   static_cast<char>(length >> 8U & 0xffU),
                                   static_cast<char>(length & 0xffU)};
  out.append(header.data(), header.size());
}

/// RFC 3339 with all nine digits, so that columns align, and a blank.
void set_time(std::string_view time, std::string& text) {
  constexpr std::size_t kDate = 19;  // 2024-05-06T07:08:09
  constexpr std::size_t kFull = kDate + 10;
  text = time;
  if (text.ends_with('Z') && text.size() > kDate) {
    text.pop_back();
    if (text.size() == kDate) text.push_back('.');
    if (text.size() < kFull) text.append(kFull - text.size(), '0');
    text.push_back('Z');
  }
  text.push_back(' ');
}

/// As in a query (Go's url.QueryEscape): what separates is never part of a key or value.
void append_escaped(std::string_view text, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~') {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 15U]);
    }
  }
}

}  // namespace

const std::string& Formatter::details_of(const Entry& entry) {
  if (entry.attributes == kept_) return shown_;
  kept_ = entry.attributes;
  shown_.clear();
  for (const auto& [key, value] : codec_.attributes(kept_)) {
    if (!shown_.empty()) shown_.push_back(',');
    append_escaped(key, shown_);
    shown_.push_back('=');
    append_escaped(value, shown_);
  }
  return shown_;
}

void Formatter::append(const Entry& entry, std::string& out) {
  std::size_t length = entry.message.size();
  if (appearance_.timestamps) {
    set_time(entry.time ? format_rfc3339(*entry.time) : entry.time_text, time_);
    length += time_.size();
  }
  if (appearance_.details) length += details_of(entry).size() + 1;
  if (appearance_.multiplexed) {
    append_header(entry.stream == Stream::kStdout ? Frame::kStdout : Frame::kStderr, length, out);
  }
  if (appearance_.timestamps) out += time_;
  if (appearance_.details) out.append(shown_).push_back(' ');
  out += entry.message;
}

void Formatter::append_error(std::string_view text, std::string& out) const {
  if (appearance_.multiplexed) append_header(Frame::kSystemError, text.size(), out);
  out += text;
}

}  // namespace berth::logs
