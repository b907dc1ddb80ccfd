// How Go prints values: %v, and fmt.Sprintf.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "client/format/template_functions.hpp"
#include "client/format/text.hpp"

namespace berth::client {

namespace {

using Json = nlohmann::ordered_json;

std::string show_nested(const Json& value) {
  return value.is_null() ? "<nil>" : show_value(value);
}

/// Lists of the API have objects of one type each, which Go prints as {a b}; others are maps.
std::string show_object(const Json& value, bool in_list) {
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& item : value.items())
    items.emplace_back(item.key(), show_nested(item.value()));
  if (!in_list) std::sort(items.begin(), items.end());
  std::string text;
  for (const auto& [key, shown] : items) {
    if (&key != &items.front().first) text += ' ';
    text += in_list ? shown : key + ":" + shown;
  }
  return in_list ? "{" + text + "}" : "map[" + text + "]";
}

struct Verb {
  bool left = false;
  bool zero = false;
  bool plus = false;
  bool sharp = false;
  int width = -1;
  int precision = -1;
  char letter = 'v';
};

int take_number(std::string_view format, std::size_t& at) {
  int value = -1;
  const auto [end, error] =
      std::from_chars(format.data() + at, format.data() + format.size(), value);
  if (error == std::errc()) at = static_cast<std::size_t>(end - format.data());
  return value;
}

/// What stands behind a '%'.
Verb take_verb(std::string_view format, std::size_t& at) {
  Verb verb;
  for (; at < format.size(); ++at) {
    const char flag = format[at];
    if (flag == '-') {
      verb.left = true;
    } else if (flag == '0') {
      verb.zero = true;
    } else if (flag == '+') {
      verb.plus = true;
    } else if (flag == '#') {
      verb.sharp = true;
    } else if (flag != ' ') {
      break;
    }
  }
  constexpr int kWidest = 1000;  // no column is wider; Go's own limit is a million
  if (at < format.size() && format[at] >= '1' && format[at] <= '9') {
    verb.width = std::min(take_number(format, at), kWidest);
  }
  if (at < format.size() && format[at] == '.') {
    ++at;
    verb.precision = std::clamp(take_number(format, at), 0, kWidest);
  }
  verb.letter = at < format.size() ? format[at++] : '\0';
  return verb;
}

std::string fit(std::string text, const Verb& verb, bool number) {
  const std::size_t length = character_count(text);
  const auto width = static_cast<std::size_t>(std::max(verb.width, 0));
  if (length >= width) return text;
  const std::string fill(width - length, verb.zero && number && !verb.left ? '0' : ' ');
  if (verb.left) return text + fill;
  if (fill.front() == '0' && !text.empty() && (text.front() == '-' || text.front() == '+')) {
    return text.front() + fill + text.substr(1);
  }
  return fill + text;
}

std::string bad_verb(char letter, const Json& value) {
  if (value.is_null()) return std::string("%!") + letter + "(<nil>)";
  return std::string("%!") + letter + "(" + type_of(value) + "=" + show_value(value) + ")";
}

std::string hex_of(const std::string& text, bool upper) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
  }
  return result;
}

std::string print_integer(const Verb& verb, const Json& value) {
  const auto number = value.get<std::int64_t>();
  const std::string plus = verb.plus && number >= 0 ? "+" : "";
  switch (verb.letter) {
    case 'd':
    case 'v':
      return plus + std::to_string(number);
    case 'x':
      return (verb.sharp ? "0x" : "") + fmt::format("{:x}", number);
    case 'X':
      return (verb.sharp ? "0X" : "") + fmt::format("{:X}", number);
    case 'o':
      return fmt::format("{:o}", number);
    case 'b':
      return fmt::format("{:b}", number);
    case 'c':
      return std::string(1, static_cast<char>(number));
    default:
      return bad_verb(verb.letter, value);
  }
}

std::string print_float(const Verb& verb, const Json& value) {
  const auto number = value.get<double>();
  switch (verb.letter) {
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", number, verb.precision < 0 ? 6 : verb.precision);
    case 'e':
      return fmt::format("{:.{}e}", number, verb.precision < 0 ? 6 : verb.precision);
    case 'g':
    case 'v':
      if (verb.precision >= 0) return fmt::format("{:.{}g}", number, verb.precision);
      return show_value(value);
    default:
      return bad_verb(verb.letter, value);
  }
}

std::string print_text(const Verb& verb, const Json& value) {
  std::string text = value.get<std::string>();
  if (verb.precision >= 0) {
    std::size_t end = 0;
    for (int count = 0; end < text.size(); ++end) {
      const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
      if (begins && count++ == verb.precision) break;
    }
    text.resize(end);
  }
  switch (verb.letter) {
    case 's':
    case 'v':
      return verb.sharp ? quote(text) : text;
    case 'q':
      return quote(text);
    case 'x':
      return hex_of(text, false);
    case 'X':
      return hex_of(text, true);
    default:
      return bad_verb(verb.letter, value);
  }
}

std::string print_one(const Verb& verb, const Json& value) {
  if (verb.letter == 'T') return type_of(value);
  if (value.is_string()) return fit(print_text(verb, value), verb, false);
  if (value.is_number_integer()) return fit(print_integer(verb, value), verb, true);
  if (value.is_number_float()) return fit(print_float(verb, value), verb, true);
  const bool flag = value.is_boolean() && (verb.letter == 't' || verb.letter == 'v');
  if (flag) return fit(value.get<bool>() ? "true" : "false", verb, false);
  if (value.is_array() && verb.letter != 'v') {
    std::string text;
    for (const Json& item : value)
      text += (text.empty() ? "" : " ") + print_one(verb, item);
    return "[" + text + "]";
  }
  if (verb.letter == 'v' || (value.is_object() && verb.letter == 's')) {
    return fit(show_nested(value), verb, false);
  }
  return bad_verb(verb.letter, value);
}

}  // namespace

std::string show_value(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<no value>";
  if (value.is_array()) {
    std::string text;
    bool first = true;
    for (const Json& item : value) {
      if (!first) text += ' ';
      first = false;
      text += item.is_object() ? show_object(item, true) : show_nested(item);
    }
    return "[" + text + "]";
  }
  if (value.is_object()) return show_object(value, false);
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    return std::abs(number) < 1e21 && std::abs(number) >= 1e-4 ? fmt::format("{}", number)
                                                               : fmt::format("{:e}", number);
  }
  return value.dump();
}

std::string print_formatted(const std::string& format, const std::vector<Json>& arguments) {
  std::string result;
  std::size_t used = 0;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      result += format[at++];
      continue;
    }
    ++at;
    const Verb verb = take_verb(format, at);
    if (verb.letter == '%') {
      result += '%';
    } else if (verb.letter == '\0') {
      result += "%!(NOVERB)";
    } else if (used >= arguments.size()) {
      result += std::string("%!") + verb.letter + "(MISSING)";
    } else {
      result += print_one(verb, arguments[used++]);
    }
  }
  if (used < arguments.size()) {
    result += "%!(EXTRA ";
    for (std::size_t index = used; index < arguments.size(); ++index) {
      if (index > used) result += ", ";
      result += type_of(arguments[index]) + "=" + show_nested(arguments[index]);
    }
    result += ")";
  }
  return result;
}

}  // namespace berth::client
