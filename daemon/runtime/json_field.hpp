// A value inside a JSON document together with its place, so that every error names both. Only the
// parsers of this room include it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace berth::runtime {

class JsonField {
 public:
  JsonField(const nlohmann::json& value, std::string place)
      : value_(&value), place_(std::move(place)) {}

  [[noreturn]] void refuse(const std::string& must_be) const {
    std::string shown = value_->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (shown.size() > 80) shown = shown.substr(0, 77) + "...";
    throw Error(ErrorKind::kInvalidArgument,
                "\"" + place_ + "\" is " + shown + ": must be " + must_be);
  }

  /// The member; empty when it is absent or null.
  std::optional<JsonField> find(const char* key) const {
    if (!value_->is_object()) refuse("an object");
    const auto found = value_->find(key);
    if (found == value_->end() || found->is_null()) return std::nullopt;
    return JsonField(*found, place_.empty() ? key : place_ + "." + key);
  }
  JsonField at(const char* key) const {
    auto field = find(key);
    if (!field) {
      throw Error(ErrorKind::kInvalidArgument,
                  "\"" + (place_.empty() ? "" : place_ + ".") + key + "\" is missing");
    }
    return *field;
  }

  /// Text goes into system calls: a NUL inside would cut it short unseen.
  std::string text() const {
    if (!value_->is_string()) refuse("a string");
    const auto& content = value_->get_ref<const std::string&>();
    if (content.find('\0') != std::string::npos) refuse("a string without a NUL character");
    return content;
  }
  bool boolean() const {
    if (!value_->is_boolean()) refuse("true or false");
    return value_->get<bool>();
  }
  template <typename Integer>
  Integer number(Integer least = std::numeric_limits<Integer>::min(),
                 Integer most = std::numeric_limits<Integer>::max()) const {
    if (value_->is_number_unsigned()) {
      const auto content = value_->get<std::uint64_t>();
      if (std::in_range<Integer>(content))
        return checked(static_cast<Integer>(content), least, most);
    } else if (value_->is_number_integer()) {
      const auto content = value_->get<std::int64_t>();
      if (std::in_range<Integer>(content))
        return checked(static_cast<Integer>(content), least, most);
    }
    refuse(range(least, most));
  }
  std::vector<JsonField> items() const {
    if (!value_->is_array()) refuse("an array");
    std::vector<JsonField> result;
    result.reserve(value_->size());
    for (std::size_t index = 0; index < value_->size(); ++index) {
      result.emplace_back((*value_)[index], place_ + "[" + std::to_string(index) + "]");
    }
    return result;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> result;
    for (const JsonField& item : items())
      result.push_back(item.text());
    return result;
  }
  std::map<std::string, std::string> text_map() const {
    if (!value_->is_object()) refuse("an object of strings");
    std::map<std::string, std::string> result;
    for (const auto& [key, entry] : value_->items()) {
      result.emplace(key, JsonField(entry, place_ + "." + key).text());
    }
    return result;
  }

  std::string text_or(const char* key, std::string otherwise) const {
    const auto field = find(key);
    return field ? field->text() : std::move(otherwise);
  }
  bool boolean_or(const char* key, bool otherwise) const {
    const auto field = find(key);
    return field ? field->boolean() : otherwise;
  }
  template <typename Integer>
  Integer number_or(const char* key, Integer otherwise) const {
    const auto field = find(key);
    return field ? field->template number<Integer>() : otherwise;
  }
  template <typename Integer>
  std::optional<Integer> optional_number(const char* key) const {
    const auto field = find(key);
    if (!field) return std::nullopt;
    return field->template number<Integer>();
  }
  std::vector<std::string> texts_or_none(const char* key) const {
    const auto field = find(key);
    return field ? field->texts() : std::vector<std::string>{};
  }
  std::vector<JsonField> items_or_none(const char* key) const {
    const auto field = find(key);
    return field ? field->items() : std::vector<JsonField>{};
  }

 private:
  template <typename Integer>
  static std::string range(Integer least, Integer most) {
    return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  }
  template <typename Integer>
  Integer checked(Integer content, Integer least, Integer most) const {
    if (content < least || content > most) refuse(range(least, most));
    return content;
  }

  const nlohmann::json* value_;
  std::string place_;
};

/// Throws Error{kInvalidArgument} for a text that is no JSON; `what` names it.
inline nlohmann::json parse_json(std::string_view text, const char* what) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::kInvalidArgument, std::string(what) + " is no JSON: " + error.what());
  }
}

}  // namespace berth::runtime
