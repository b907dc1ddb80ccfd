// Go's text/template as --format takes it: fields, pipes, functions, if, with, range, variables.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "client/format/template_nodes.hpp"

namespace berth::client {

/// A method of the object that the template is filled from, like {{.Label "x"}}; nothing when there
/// is no such method.
using TemplateMethod = std::function<std::optional<std::string>(
    const std::string& name, const std::vector<nlohmann::ordered_json>& arguments)>;

class Template {
 public:
  /// Throws Error{kInvalidArgument} with Go's words.
  explicit Template(std::string_view text);

  /// What the template is filled from.
  struct Subject {
    nlohmann::ordered_json document;
    std::string type;  // Go's name of its type for errors: empty for a plain map
    TemplateMethod method = {};
    /// Fields that an answer leaves out when they are not set; they count as nil, not as unknown.
    std::vector<std::string> optional_fields = {};
    std::string name = {};  // of the template, for errors
  };
  /// Throws Error{kInvalidArgument} with Go's words: an unknown field, a function's bad arguments.
  std::string fill(const Subject& subject) const;
  std::string fill(const nlohmann::ordered_json& document) const;

  /// Whether it names the field of the object that it is filled from.
  bool uses(std::string_view field) const;

 private:
  std::string text_;
  std::vector<Node> nodes_;
};

}  // namespace berth::client
