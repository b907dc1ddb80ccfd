#include "daemon/log/entry.hpp"

#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace berth::logs {

namespace {

/// Appends what a one-character escape such as \n means; false for any other escape.
bool append_simple_escape(char escape, std::string& text) {
  switch (escape) {
    case '"':
      text.push_back('"');
      return true;
    case '\\':
      text.push_back('\\');
      return true;
    case '/':
      text.push_back('/');
      return true;
    case 'b':
      text.push_back('\b');
      return true;
    case 'f':
      text.push_back('\f');
      return true;
    case 'n':
      text.push_back('\n');
      return true;
    case 'r':
      text.push_back('\r');
      return true;
    case 't':
      text.push_back('\t');
      return true;
    default:
      return false;
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// \u00XX of the control and markup characters that the writer escapes; others are left to the JSON
/// library.
bool append_low_unicode(std::string_view digits, std::string& text) {
  if (digits.size() < 4 || digits[0] != '0' || digits[1] != '0') return false;
  const int high = hex_digit(digits[2]);
  const int low = hex_digit(digits[3]);
  if (high < 0 || high > 7 || low < 0) return false;
  text.push_back(static_cast<char>(high * 16 + low));
  return true;
}

/// Decodes the string literal whose first character (behind the quote) is `text`'s first. Returns
/// the number of characters up to and with the closing quote, or npos for what needs the JSON
/// library.
std::size_t decode_string(std::string_view text, std::string& value) {
  std::size_t at = 0;
  for (;;) {
    const std::size_t stop = text.find_first_of("\"\\", at);
    if (stop == std::string_view::npos) return std::string_view::npos;
    value.append(text, at, stop - at);
    if (text[stop] == '"') return stop + 1;
    if (stop + 1 >= text.size()) return std::string_view::npos;
    const char escape = text[stop + 1];
    if (append_simple_escape(escape, value)) {
      at = stop + 2;
    } else if (escape == 'u' && append_low_unicode(text.substr(stop + 2, 4), value)) {
      at = stop + 6;
    } else {
      return std::string_view::npos;
    }
  }
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

/// The form that the shim writes, in one pass. False sends the line to the JSON library.
bool decode_fast(std::string_view line, Entry& entry) {
  entry.message.clear();
  entry.attributes_json.clear();
  if (!take(line, "{\"log\":\"")) return false;
  const std::size_t length = decode_string(line, entry.message);
  if (length == std::string_view::npos) return false;
  line.remove_prefix(length);
  if (!take(line, ",\"stream\":\"std")) return false;
  if (take(line, "out\"")) {
    entry.stream = Stream::kStdout;
  } else if (take(line, "err\"")) {
    entry.stream = Stream::kStderr;
  } else {
    return false;
  }
  if (!take(line, ",\"time\":\"") || !line.ends_with("\"}")) return false;
  entry.time = line.substr(0, line.size() - 2);
  return entry.time.find('"') == std::string_view::npos;
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
  if (const auto attributes = json.find("attrs"); attributes != json.end()) {
    entry.attributes_json = attributes->dump();
  }
  // The time never needs escapes, so it can be looked up in the line itself.
  constexpr std::string_view kKey = "\"time\":\"";
  const std::size_t at = line.rfind(kKey);
  if (at == std::string_view::npos) return false;
  const std::string_view rest = line.substr(at + kKey.size());
  entry.time = rest.substr(0, rest.find('"'));
  return true;
}

}  // namespace

bool decode_entry(std::string_view line, Entry& entry) {
  return decode_fast(line, entry) || decode_general(line, entry);
}

std::optional<Timestamp> entry_time(const Entry& entry) {
  try {
    return parse_rfc3339(entry.time);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace berth::logs
