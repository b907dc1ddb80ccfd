#include "daemon/shim/json_line.hpp"

#include <array>
#include <cstdio>
#include <cstring>

#include <time.h>

namespace berth::shim {

namespace {

/// 1 for a byte that cannot be copied as it is: escapes, controls, and all of a multi-byte
/// character.
constexpr std::array<unsigned char, 256> make_special() {
  std::array<unsigned char, 256> special{};
  for (unsigned i = 0; i < 256; ++i) {
    special[i] = i < 0x20 || i >= 0x7f || i == '"' || i == '\\' || i == '<' || i == '>' || i == '&';
  }
  special[0x7f] = 0;
  return special;
}
constexpr auto kSpecial = make_special();
constexpr std::string_view kReplacement = "\\ufffd";

void append_ascii(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      break;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.append("\\u00");
  out.push_back(kDigits[byte >> 4U]);
  out.push_back(kDigits[byte & 15U]);
}

/// Length of the well-formed character at the front (RFC 3629: no overlong form, no surrogate, at
/// most U+10FFFF), 0 for none.
std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return at(i) >= low && at(i) <= high;
  };
  const unsigned first = at(0);
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

/// Appends the character or broken byte at the front of `text` and returns how many bytes it took.
std::size_t append_multibyte(std::string& out, std::string_view text) {
  const std::size_t length = character_length(text);
  if (length == 0) {
    out.append(kReplacement);
    return 1;
  }
  const std::string_view character = text.substr(0, length);
  if (character == "\u2028") {
    out.append("\\u2028");
  } else if (character == "\u2029") {
    out.append("\\u2029");
  } else {
    out.append(character);
  }
  return length;
}

}  // namespace

void append_json_line(std::string& out, std::string_view message, Stream stream,
                      std::string_view time) {
  out.append("{\"log\":\"");
  while (!message.empty()) {
    std::size_t plain = 0;
    while (plain < message.size() && kSpecial[static_cast<unsigned char>(message[plain])] == 0)
      ++plain;
    out.append(message, 0, plain);
    message.remove_prefix(plain);
    if (message.empty()) break;
    const auto byte = static_cast<unsigned char>(message.front());
    if (byte < 0x80) {
      append_ascii(out, byte);
      message.remove_prefix(1);
    } else {
      message.remove_prefix(append_multibyte(out, message));
    }
  }
  out.append(stream == Stream::kStdout ? "\",\"stream\":\"stdout\",\"time\":\""
                                       : "\",\"stream\":\"stderr\",\"time\":\"");
  out.append(time);
  out.append("\"}\n");
}

std::string_view LineClock::now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  constexpr std::size_t kDateLength = 20;  // "2024-05-06T07:08:09."
  if (time.tv_sec != second_) {
    tm parts{};
    ::gmtime_r(&time.tv_sec, &parts);
    std::array<char, sizeof text_> date{};
    ::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    std::memcpy(text_, date.data(), kDateLength);
    second_ = time.tv_sec;
  }
  long rest = time.tv_nsec;
  for (std::size_t i = kDateLength + 9; i-- > kDateLength;) {
    text_[i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  text_[kDateLength + 9] = 'Z';
  return {text_, kDateLength + 10};
}

}  // namespace berth::shim
