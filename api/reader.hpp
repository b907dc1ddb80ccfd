// Reads JSON values into members, with type checks whose messages name the path of the value. For
// api/codec.hpp; includes the whole JSON library.
#pragma once

#include <concepts>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/field.hpp"

namespace berth::api {

/// Where a value stands in the document: a chain on the stack, made text when something is wrong.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;  // empty: an item of a list
  std::size_t index = 0;

  std::string text() const;
};

/// Throws Error{kInvalidArgument, "<path>: expected <wanted>, got <the value>"}.
[[noreturn]] void throw_mismatch(const Path& path, std::string_view wanted,
                                 const nlohmann::json& found);
/// The same for a number that the member cannot hold.
[[noreturn]] void throw_out_of_range(const Path& path, const nlohmann::json& found,
                                     std::string_view lowest, std::string_view highest);

/// The text as JSON. Throws Error{kInvalidArgument}.
nlohmann::json parse_json(std::string_view text);

template <typename T>
inline constexpr bool kIsVector = false;
template <typename T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <typename T>
inline constexpr bool kIsArray = false;
template <typename T, std::size_t N>
inline constexpr bool kIsArray<std::array<T, N>> = true;
template <typename T>
inline constexpr bool kIsMap = false;
template <typename T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;
template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

class Reader {
 public:
  explicit Reader(StringList* unknown) : unknown_(unknown) {}

  /// null leaves `target` as it is, as Go's decoder does.
  template <typename T>
  void read(const nlohmann::json& json, T& target, const Path& path, Rule rule = Rule::kAlways) {
    if (json.is_null()) return;
    if constexpr (kIsOptional<T>) {
      read(json, target.emplace(), path, rule);
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!json.is_boolean()) throw_mismatch(path, "true or false", json);
      target = json.template get<bool>();
    } else if constexpr (std::integral<T>) {
      read_integer(json, target, path);
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (!json.is_string()) throw_mismatch(path, "a string", json);
      target = json.template get_ref<const std::string&>();
    } else if constexpr (std::is_same_v<T, RawJson>) {
      target.text = json.dump();
    } else if constexpr (std::is_same_v<T, KeySet>) {
      require_object(json, path);
      target.clear();
      for (const auto& item : json.items())
        target.insert(item.key());
    } else if constexpr (kIsMap<T>) {
      require_object(json, path);
      target.clear();
      for (const auto& item : json.items()) {
        read(item.value(), target[item.key()], Path{&path, item.key()});
      }
    } else if constexpr (kIsVector<T>) {
      read_list(json, target, path, rule);
    } else if constexpr (kIsArray<T>) {
      read_array(json, target, path);
    } else {
      static_assert(Described<T>);
      require_object(json, path);
      read_fields(json, target, path);
      if (unknown_ != nullptr) note_unknown<T>(json, path);
    }
  }

 private:
  static void require_object(const nlohmann::json& json, const Path& path) {
    if (!json.is_object()) throw_mismatch(path, "an object", json);
  }

  template <typename T>
  static void read_integer(const nlohmann::json& json, T& target, const Path& path) {
    using Limits = std::numeric_limits<T>;
    if (!json.is_number_integer()) throw_mismatch(path, "an integer", json);
    const bool fits = json.is_number_unsigned()
                          ? std::in_range<T>(json.template get<std::uint64_t>())
                          : std::in_range<T>(json.template get<std::int64_t>());
    if (!fits) {
      throw_out_of_range(path, json, std::to_string(Limits::min()), std::to_string(Limits::max()));
    }
    target = json.template get<T>();
  }

  template <typename T>
  void read_list(const nlohmann::json& json, std::vector<T>& target, const Path& path, Rule rule) {
    target.clear();
    if constexpr (std::is_same_v<T, std::string>) {
      if (has(rule, Rule::kStringOrList) && json.is_string()) {
        target.push_back(json.template get<std::string>());
        return;
      }
    }
    if (!json.is_array()) {
      const bool either = has(rule, Rule::kStringOrList);
      throw_mismatch(path, either ? "a list or a string" : "a list", json);
    }
    target.reserve(json.size());
    for (const auto& item : json) {
      read(item, target.emplace_back(), Path{&path, {}, target.size() - 1});
    }
  }

  template <typename T, std::size_t N>
  void read_array(const nlohmann::json& json, std::array<T, N>& target, const Path& path) {
    if (!json.is_array() || json.size() != N) {
      throw_mismatch(path, "a list of " + std::to_string(N), json);
    }
    for (std::size_t index = 0; index < N; ++index) {
      read(json[index], target[index], Path{&path, {}, index});
    }
  }

  template <typename T>
  void read_fields(const nlohmann::json& json, T& target, const Path& path) {
    std::apply([&](const auto&... each) { (read_field(json, target, path, each), ...); },
               T::fields());
  }

  template <typename T, typename Member>
  void read_field(const nlohmann::json& json, T& target, const Path& path,
                  const Field<T, Member>& one) {
    if (const auto found = json.find(one.name); found != json.end()) {
      read(*found, target.*one.member, Path{&path, one.name}, one.rule);
    }
  }

  template <typename T, typename Member>
  void read_field(const nlohmann::json& json, T& target, const Path& path,
                  const Flattened<T, Member>& one) {
    read_fields(json, target.*one.member, path);
  }

  template <typename Struct, typename Member>
  static bool names(const Field<Struct, Member>& one, std::string_view name) {
    return one.name == name;
  }
  template <typename Struct, typename Member>
  static bool names(const Flattened<Struct, Member>& /*one*/, std::string_view name) {
    return knows<Member>(name);
  }

  template <typename T>
  static bool knows(std::string_view name) {
    return std::apply([name](const auto&... each) { return (names(each, name) || ...); },
                      T::fields());
  }

  template <typename T>
  void note_unknown(const nlohmann::json& json, const Path& path) {
    for (const auto& item : json.items()) {
      if (!knows<T>(item.key())) unknown_->push_back(Path{&path, item.key()}.text());
    }
  }

  StringList* unknown_;
};

}  // namespace berth::api
