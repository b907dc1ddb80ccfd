// Reading and writing the API's structs. Declarations alone: the code is made once a struct, in the
// noun's own .cpp (with api/codec.hpp), so that users pay neither for it nor for the JSON library.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/field.hpp"

namespace berth::api {

/// The operations of one described struct.
template <Described T>
struct Codec {
  static T from_json(const nlohmann::json& json, StringList* unknown);
  static T from_text(std::string_view text, StringList* unknown);
  static std::vector<T> list_from_text(std::string_view text);
  static nlohmann::json to_json(const T& value);
  static std::string to_text(const T& value);
  static std::string list_to_text(std::span<const T> values);
};

/// Reads an object. Missing fields and null leave the member's initial value; fields that the
/// struct does not have are ignored, and their paths are added to `unknown` where given. Throws
/// Error{kInvalidArgument}, such as `HostConfig.Memory: expected an integer, got the string "12"`.
template <Described T>
T from_json(const nlohmann::json& json, StringList* unknown = nullptr) {
  return Codec<T>::from_json(json, unknown);
}

/// As from_json, from JSON text; text that is not JSON is Error{kInvalidArgument} too.
template <Described T>
T from_text(std::string_view text, StringList* unknown = nullptr) {
  return Codec<T>::from_text(text, unknown);
}

/// A list of objects; null is an empty list.
template <Described T>
std::vector<T> list_from_text(std::string_view text) {
  return Codec<T>::list_from_text(text);
}

/// The caller includes <nlohmann/json.hpp>.
template <Described T>
auto to_json(const T& value) -> decltype(Codec<T>::to_json(value)) {
  return Codec<T>::to_json(value);
}

/// JSON text with the fields in the order of their list; the fast way. Bytes that are no UTF-8
/// become U+FFFD.
template <Described T>
std::string to_text(const T& value) {
  return Codec<T>::to_text(value);
}

template <Described T>
std::string list_to_text(const std::vector<T>& values) {
  return Codec<T>::list_to_text(values);
}

}  // namespace berth::api
