#include "daemon/log/json_codec.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include <nlohmann/json.hpp>

namespace berth::logs {

namespace {

// Sixteen bytes at a time, in whatever registers the processor has for that (the compilers' vector
// extension).
using Block = signed char __attribute__((vector_size(16)));
constexpr std::size_t kBlock = sizeof(Block);

/// How many bytes at the front of a block are neither a quote nor a backslash.
std::size_t plain_in(const Block& block) {
  const Block special = (block == '"') | (block == '\\');
  const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(special);
  static_assert(std::endian::native == std::endian::little);
  if (halves[0] != 0) return static_cast<std::size_t>(std::countr_zero(halves[0])) / 8;
  if (halves[1] != 0) return 8 + static_cast<std::size_t>(std::countr_zero(halves[1])) / 8;
  return kBlock;
}

/// Copies what needs no decoding; `out` has room for as much as `text` holds.
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
  while (in < end && *in != '"' && *in != '\\')
    *out++ = *in++;
  text = {in, end};
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What a one-character escape such as \n means; 0 for any other.
char simple_escape(char escape) {
  switch (escape) {
    case '"':
    case '\\':
    case '/':
      return escape;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

/// The character of \u00XX, for the control and markup characters that the writer escapes; -1 for
/// others, which are left to the JSON library.
int low_unicode(std::string_view digits) {
  if (digits.size() < 4 || digits[0] != '0' || digits[1] != '0') return -1;
  const int high = hex_digit(digits[2]);
  const int low = hex_digit(digits[3]);
  return high < 0 || high > 7 || low < 0 ? -1 : high * 16 + low;
}

/// Decodes the string literal behind whose first quote `text` begins, and takes it off with its
/// last quote. False for what needs the JSON library.
bool take_string(std::string_view& text, std::string& value) {
  // Nothing gets longer by decoding.
  value.resize(text.size());
  char* out = value.data();
  for (;;) {
    out = copy_plain(out, text);
    if (text.empty()) return false;
    if (text.front() == '"') break;
    if (text.size() < 2) return false;
    if (const char simple = simple_escape(text[1]); simple != 0) {
      *out++ = simple;
      text.remove_prefix(2);
      continue;
    }
    const int character = text[1] == 'u' ? low_unicode(text.substr(2)) : -1;
    if (character < 0) return false;
    *out++ = static_cast<char>(character);
    text.remove_prefix(6);
  }
  text.remove_prefix(1);
  value.resize(static_cast<std::size_t>(out - value.data()));
  return true;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

constexpr std::string_view kTime = ",\"time\":\"";

/// The form that the shim writes, in one pass. False sends the line to the JSON library.
bool decode_fast(std::string_view line, Entry& entry) {
  if (!take(line, "{\"log\":\"") || !take_string(line, entry.message)) return false;
  if (!take(line, ",\"stream\":\"std")) return false;
  if (take(line, "out\"")) {
    entry.stream = Stream::kStdout;
  } else if (take(line, "err\"")) {
    entry.stream = Stream::kStderr;
  } else {
    return false;
  }
  entry.attributes = {};
  if (take(line, ",\"attrs\":")) {
    // A value may look like a time; the last one is it.
    const std::size_t end = line.rfind(kTime);
    if (end == std::string_view::npos) return false;
    entry.attributes = line.substr(0, end);
    line.remove_prefix(end);
  }
  if (!take(line, kTime) || !line.ends_with("\"}")) return false;
  entry.time_text = line.substr(0, line.size() - 2);
  return entry.time_text.find('"') == std::string_view::npos;
}

/// The text of the value behind the last `key`, as it stands in the line.
std::string_view raw_value(std::string_view line, std::string_view key, std::string_view end) {
  const std::size_t at = line.rfind(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size());
  return rest.substr(0, rest.find(end));
}

bool decode_general(std::string_view line, Entry& entry) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return false;
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  entry.message = text("log");
  entry.stream = text("stream") == "stderr" ? Stream::kStderr : Stream::kStdout;
  // Both are needed as they stand in the line: the entry keeps no text but the message.
  entry.attributes =
      json.contains("attrs") ? raw_value(line, "\"attrs\":", kTime) : std::string_view();
  entry.time_text = raw_value(line, "\"time\":\"", "\"");
  return !entry.time_text.empty();
}

}  // namespace

Found JsonCodec::measure(std::string_view data) const {
  const void* end = data.empty() ? nullptr : std::memchr(data.data(), '\n', data.size());
  if (end == nullptr) return {Found::Kind::kIncomplete};
  const auto length = static_cast<std::size_t>(static_cast<const char*>(end) - data.data()) + 1;
  return {Found::Kind::kEntry, length};
}

Found JsonCodec::decode(std::string_view data, Entry& entry) const {
  Found found = measure(data);
  if (found.kind != Found::Kind::kEntry) return found;
  const std::string_view line = data.substr(0, found.length - 1);
  entry.time.reset();
  if (!decode_fast(line, entry) && !decode_general(line, entry)) found.kind = Found::Kind::kNone;
  return found;
}

std::map<std::string, std::string> JsonCodec::attributes(std::string_view kept) const {
  std::map<std::string, std::string> list;
  const auto json = nlohmann::json::parse(kept, nullptr, false);
  if (!json.is_object()) return list;
  for (const auto& [key, value] : json.items())
    list[key] = value.is_string() ? value.get<std::string>() : value.dump();
  return list;
}

}  // namespace berth::logs
