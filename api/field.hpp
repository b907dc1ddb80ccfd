// Field lists: what a struct of the API is called on the wire, said once, at compile time.
//
// A struct that goes over the wire ("described") has a static function fields() that returns a
// tuple of field(...) and flattened(...). Everything else follows from that list: reading with type
// checks, writing as Docker writes (api/fields.hpp), and the tests that hold the structs against
// the reference.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace berth::api {

/// How a field is written when it holds nothing, and read when it may come in two forms.
enum class Rule : unsigned {
  /// Zeros and empty strings are written; absent optionals and empty collections are null.
  kAlways = 0,
  /// Zeros, empty strings, empty collections and absent optionals are left out.
  kOmitEmpty = 1,
  /// As kAlways, but empty collections are [] or {}.
  kEmptyCollection = 2,
  /// A list of strings that may also come as one string.
  kStringOrList = 4,
};

constexpr Rule operator|(Rule left, Rule right) {
  return static_cast<Rule>(static_cast<unsigned>(left) | static_cast<unsigned>(right));
}
constexpr bool has(Rule rules, Rule one) {
  return (static_cast<unsigned>(rules) & static_cast<unsigned>(one)) != 0;
}

template <typename Struct, typename Member>
struct Field {
  std::string_view name;
  Member Struct::* member;
  Rule rule;
};

/// A member whose own fields appear among those of the struct that holds it.
template <typename Struct, typename Member>
struct Flattened {
  Member Struct::* member;
};

template <typename Struct, typename Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::* member,
                                      Rule rule = Rule::kAlways) {
  return {name, member, rule};
}

template <typename Struct, typename Member>
constexpr Flattened<Struct, Member> flattened(Member Struct::* member) {
  return {member};
}

template <typename T>
concept Described = requires { T::fields(); };

/// Any JSON value, kept as text and written as it is. Empty text stands for "not there".
struct RawJson {
  std::string text;

  bool operator==(const RawJson&) const = default;
};

using StringList = std::vector<std::string>;
using StringMap = std::map<std::string, std::string>;
/// An object whose values are all {}, such as ExposedPorts.
using KeySet = std::set<std::string>;

}  // namespace berth::api
