#include "daemon/shim/json_line.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace berth::shim {

namespace {

/// True for a byte that cannot be copied as it is: escapes, controls, and all of a multi-byte
/// character.
constexpr bool is_special(unsigned char byte) {
  return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\' || byte == '<' || byte == '>' ||
         byte == '&';
}

// Sixteen bytes at a time, in whatever registers the processor has for that (the compilers' vector
// extension). Signed, so that one comparison finds controls and multi-byte characters alike.
using Block = signed char __attribute__((vector_size(16)));
constexpr std::size_t kBlock = sizeof(Block);

/// How many bytes at the front of a block are plain.
std::size_t plain_in(const Block& block) {
  const Block special = (block < 0x20) | (block == '"') | (block == '\\') | (block == '<') |
                        (block == '>') | (block == '&');
  const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(special);
  static_assert(std::endian::native == std::endian::little);
  if (halves[0] != 0) return static_cast<std::size_t>(std::countr_zero(halves[0])) / 8;
  return 8 + static_cast<std::size_t>(std::countr_zero(halves[1])) / 8;
}

/// Copies the plain bytes at the front of `text` and takes them off it.
char* copy_plain(char* out, std::string_view& text) {
  const char* in = text.data();
  const char* const end = in + text.size();
  while (end - in >= static_cast<std::ptrdiff_t>(kBlock)) {
    Block block;
    std::memcpy(&block, in, kBlock);
    std::memcpy(out, &block, kBlock);
    const std::size_t plain = plain_in(block);
    in += plain;
    out += plain;
    if (plain < kBlock) {
      text = {in, end};
      return out;
    }
  }
  while (in < end && !is_special(static_cast<unsigned char>(*in)))
    *out++ = *in++;
  text = {in, end};
  return out;
}

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_escaped(char* out, unsigned char byte) {
  switch (byte) {
    case '"':
      return put(out, "\\\"");
    case '\\':
      return put(out, "\\\\");
    case '\n':
      return put(out, "\\n");
    case '\r':
      return put(out, "\\r");
    default:
      break;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  out = put(out, "\\u00");
  *out++ = kDigits[byte >> 4U];
  *out++ = kDigits[byte & 15U];
  return out;
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

/// Writes the character or broken byte at the front of `text` and takes it off.
char* put_multibyte(char* out, std::string_view& text) {
  const std::size_t length = character_length(text);
  if (length == 0) {
    text.remove_prefix(1);
    return put(out, "\\ufffd");
  }
  const std::string_view character = text.substr(0, length);
  text.remove_prefix(length);
  if (character == "\u2028") return put(out, "\\u2028");
  if (character == "\u2029") return put(out, "\\u2029");
  return put(out, character);
}

}  // namespace

char* write_json_line(char* out, std::string_view message, Stream stream, std::string_view time,
                      std::string_view attributes) {
  out = put(out, "{\"log\":\"");
  while (!message.empty()) {
    out = copy_plain(out, message);
    if (message.empty()) break;
    const auto byte = static_cast<unsigned char>(message.front());
    if (byte < 0x80) {
      out = put_escaped(out, byte);
      message.remove_prefix(1);
    } else {
      out = put_multibyte(out, message);
    }
  }
  out =
      put(out, stream == Stream::kStdout ? "\",\"stream\":\"stdout\"" : "\",\"stream\":\"stderr\"");
  if (!attributes.empty()) {
    out = put(out, ",\"attrs\":");
    out = put(out, attributes);
  }
  out = put(out, ",\"time\":\"");
  out = put(out, time);
  return put(out, "\"}\n");
}

std::string_view LineClock::format(const timespec& time) {
  if (time.tv_sec != second_) {
    tm parts{};
    ::gmtime_r(&time.tv_sec, &parts);
    ::strftime(text_.data(), text_.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    second_ = time.tv_sec;
  }
  std::size_t end = kDateLength + 9;
  long rest = time.tv_nsec;
  for (std::size_t i = end; i-- > kDateLength;) {
    text_[i] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  while (text_[end - 1] == '0' && end > kDateLength)
    --end;
  if (end == kDateLength) {
    // A whole second has no fraction; the point comes back with the next fraction.
    second_ = -1;
    --end;
  }
  text_[end] = 'Z';
  return {text_.data(), end + 1};
}

std::string_view LineClock::now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return format(time);
}

}  // namespace berth::shim
