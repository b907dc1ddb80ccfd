// The part of Go's templates that --format needs most: text with {{.A.B}} and {{json .A}} in it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace berth::client {

class Template {
 public:
  /// "\t" and "\n" written as two characters count as the one they mean. Throws
  /// Error{kInvalidArgument} for what it does not understand.
  explicit Template(std::string_view text);

  /// The value of a field, given its path; `as_json` for {{json .A}}.
  using Lookup = std::function<std::string(const std::vector<std::string>& path, bool as_json)>;
  std::string fill(const Lookup& lookup) const;

  /// From a JSON document. A missing field is Error{kInvalidArgument}.
  std::string fill(const nlohmann::ordered_json& document) const;

 private:
  struct Part {
    std::string text;               // literal, when `is_field` is false
    std::vector<std::string> path;  // empty: the whole document
    bool is_field = false;
    bool as_json = false;
  };

  static Part parse_action(std::string_view action);

  std::vector<Part> parts_;
};

}  // namespace berth::client
