#include "api/text_writer.hpp"

namespace berth::api {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0U) == 0x80U;
}

/// Length of the well-formed UTF-8 sequence at `position`, 0 when there is none (Unicode, table
/// 3-7).
std::size_t sequence_length(std::string_view text, std::size_t position) {
  const auto byte = [&](std::size_t offset) -> unsigned char {
    return position + offset < text.size() ? static_cast<unsigned char>(text[position + offset])
                                           : 0U;
  };
  const unsigned char first = byte(0);
  const unsigned char second = byte(1);
  if (first >= 0xC2 && first <= 0xDF) return is_continuation(second) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && second < 0xA0) return 0;  // overlong
    if (first == 0xED && second > 0x9F) return 0;  // surrogate
    return is_continuation(second) && is_continuation(byte(2)) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && second < 0x90) return 0;  // overlong
    if (first == 0xF4 && second > 0x8F) return 0;  // beyond U+10FFFF
    const bool well_formed =
        is_continuation(second) && is_continuation(byte(2)) && is_continuation(byte(3));
    return well_formed ? 4 : 0;
  }
  return 0;
}

}  // namespace

void TextWriter::escape(unsigned char character) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (character) {
    case '"':
      return raw("\\\"");
    case '\\':
      return raw("\\\\");
    case '\n':
      return raw("\\n");
    case '\r':
      return raw("\\r");
    case '\t':
      return raw("\\t");
    default:
      raw("\\u00");
      raw(kDigits[character >> 4U]);
      raw(kDigits[character & 0xFU]);
  }
}

void TextWriter::string(std::string_view text) {
  raw('"');
  std::size_t plain = 0;  // start of what was not yet written
  std::size_t position = 0;
  const auto flush = [&] { raw(text.substr(plain, position - plain)); };
  while (position < text.size()) {
    const auto byte = static_cast<unsigned char>(text[position]);
    if (byte >= 0x80) {
      const std::size_t length = sequence_length(text, position);
      if (length == 0) {
        flush();
        raw(kReplacement);
        plain = ++position;
      } else {
        position += length;
      }
    } else if (byte < 0x20 || byte == '"' || byte == '\\') {
      flush();
      escape(byte);
      plain = ++position;
    } else {
      ++position;
    }
  }
  flush();
  raw('"');
}

}  // namespace berth::api
