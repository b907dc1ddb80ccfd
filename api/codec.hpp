// The code behind api/fields.hpp, included by the .cpp of each noun, which instantiates it:
//
//   template struct Codec<ContainerInspect>;
#pragma once

#include <utility>

#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "api/reader.hpp"
#include "api/text_writer.hpp"
#include "common/error.hpp"

namespace berth::api {

/// Whether kOmitEmpty leaves the value out.
template <typename T>
bool is_empty(const T& value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return value == T{};
  } else if constexpr (kIsOptional<T>) {
    return !value.has_value();
  } else if constexpr (std::is_same_v<T, RawJson>) {
    return value.text.empty();
  } else if constexpr (requires { value.empty(); }) {
    return value.empty();
  } else {
    return false;  // a struct is never left out, as in Go
  }
}

template <typename T>
inline constexpr bool kIsCollection = kIsVector<T> || kIsMap<T> || std::is_same_v<T, KeySet>;

class ValueWriter {
 public:
  template <typename T>
  void write(const T& value, Rule rule = Rule::kAlways) {
    if constexpr (kIsOptional<T>) {
      // A list that may be absent is shown as [] when it is there and empty.
      if (value) {
        write(*value, Rule::kEmptyCollection);
      } else {
        out_.raw("null");
      }
    } else if constexpr (std::is_same_v<T, bool>) {
      out_.boolean(value);
    } else if constexpr (std::is_arithmetic_v<T>) {
      out_.number(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      out_.string(value);
    } else if constexpr (std::is_same_v<T, RawJson>) {
      out_.raw(value.text.empty() ? std::string_view("null") : std::string_view(value.text));
    } else if constexpr (kIsCollection<T>) {
      if (value.empty() && !has(rule, Rule::kEmptyCollection)) {
        out_.raw("null");
      } else {
        write_collection(value);
      }
    } else if constexpr (kIsArray<T>) {
      write_collection(value);
    } else {
      static_assert(Described<T>);
      out_.raw('{');
      bool first = true;
      write_fields(value, first);
      out_.raw('}');
    }
  }

  template <typename List>
  void write_list(const List& values) {
    out_.raw('[');
    bool first = true;
    for (const auto& value : values) {
      separate(first);
      write(value);
    }
    out_.raw(']');
  }

  std::string take() { return out_.take(); }

 private:
  void separate(bool& first) {
    if (!std::exchange(first, false)) out_.raw(',');
  }

  void key(std::string_view name, bool& first) {
    separate(first);
    out_.string(name);
    out_.raw(':');
  }

  template <typename T>
  void write_collection(const T& values) {
    if constexpr (kIsVector<T> || kIsArray<T>) {
      write_list(values);
    } else {
      out_.raw('{');
      bool first = true;
      for (const auto& item : values) {
        if constexpr (std::is_same_v<T, KeySet>) {
          key(item, first);
          out_.raw("{}");
        } else {
          key(item.first, first);
          write(item.second);
        }
      }
      out_.raw('}');
    }
  }

  template <typename T>
  void write_fields(const T& value, bool& first) {
    std::apply([&](const auto&... each) { (write_field(value, each, first), ...); }, T::fields());
  }

  template <typename T, typename Member>
  void write_field(const T& value, const Field<T, Member>& one, bool& first) {
    const Member& member = value.*one.member;
    if (has(one.rule, Rule::kOmitEmpty) && is_empty(member)) return;
    key(one.name, first);
    write(member, one.rule);
  }

  template <typename T, typename Member>
  void write_field(const T& value, const Flattened<T, Member>& one, bool& first) {
    write_fields(value.*one.member, first);
  }

  TextWriter out_;
};

template <Described T>
T Codec<T>::from_json(const nlohmann::json& json, StringList* unknown) {
  T value;
  const Path top;
  if (json.is_null()) throw_mismatch(top, "an object", json);
  Reader(unknown).read(json, value, top);
  return value;
}

template <Described T>
T Codec<T>::from_text(std::string_view text, StringList* unknown) {
  return from_json(parse_json(text), unknown);
}

template <Described T>
std::vector<T> Codec<T>::list_from_text(std::string_view text) {
  std::vector<T> values;
  Reader(nullptr).read(parse_json(text), values, Path{});
  return values;
}

template <Described T>
std::string Codec<T>::to_text(const T& value) {
  ValueWriter writer;
  writer.write(value);
  return writer.take();
}

template <Described T>
std::string Codec<T>::list_to_text(std::span<const T> values) {
  ValueWriter writer;
  writer.write_list(values);
  return writer.take();
}

template <Described T>
nlohmann::json Codec<T>::to_json(const T& value) {
  return nlohmann::json::parse(to_text(value));
}

}  // namespace berth::api
