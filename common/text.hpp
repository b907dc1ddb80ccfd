// Small operations on text.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

/// The parts between separators; an empty text has one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Without blanks, tabs and line ends at both ends.
std::string_view trim(std::string_view text);

std::string to_lower(std::string_view text);

std::string join(std::span<const std::string> parts, std::string_view separator);

/// "true" and "1", "false" and "0", in any case; nothing for anything else.
std::optional<bool> parse_truth(std::string_view text);

/// Lower-case hexadecimal digits of the bytes.
std::string to_hex(std::span<const unsigned char> bytes);

bool is_lower_hex(std::string_view text);

/// The whole text as a decimal number; nothing else, no sign prefix '+', no blanks.
template <std::integral Integer>
std::optional<Integer> parse_number(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace berth
