// A parsed Go template.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace berth::client {

struct Pipeline;

struct Operand {
  enum class Kind { kDot, kConstant, kVariable, kFunction, kPipeline };

  Kind kind = Kind::kDot;
  nlohmann::ordered_json constant;
  std::string name;                 // of a variable or a function
  std::shared_ptr<Pipeline> inner;  // in parentheses
  std::vector<std::string> fields;  // ".A.B" behind it
  std::size_t position = 0;
  std::size_t end = 0;
  std::string source;  // as it stands in the template, for errors
};

using Invocation = std::vector<Operand>;  // a function or method, and its arguments

struct Pipeline {
  std::vector<std::string> variables;  // "$a, $b :="
  bool assigns = false;                // "=" instead of ":="
  std::vector<Invocation> commands;
};

struct Node {
  enum class Kind { kText, kAction, kIf, kWith, kRange, kBreak, kContinue };

  Kind kind = Kind::kText;
  std::string text;
  Pipeline pipeline;
  std::vector<Node> body;
  std::vector<Node> otherwise;
};

/// Throws Error{kInvalidArgument} with Go's words for what is wrong.
std::vector<Node> parse_template(std::string_view text);

}  // namespace berth::client
