// Writes JSON text. For api/codec.hpp; holds the rules of escaping and nothing about structs.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace berth::api {

class TextWriter {
 public:
  void raw(std::string_view text) { text_.append(text); }
  void raw(char character) { text_.push_back(character); }

  void boolean(bool value) { raw(value ? "true" : "false"); }

  template <typename Number>
  void number(Number value) {
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    raw(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }

  /// Quoted and escaped; bytes that are no UTF-8 become U+FFFD each.
  void string(std::string_view text);

  std::string take() { return std::move(text_); }

 private:
  void escape(unsigned char character);

  std::string text_;
};

}  // namespace berth::api
