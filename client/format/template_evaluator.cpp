#include "client/format/template_evaluator.hpp"

#include <algorithm>

#include "client/format/template_functions.hpp"
#include "client/format/text.hpp"
#include "common/error.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kLongestSource = 20;  // Go's errors show no more of what failed

}  // namespace

std::string TemplateEvaluator::run(const std::vector<Node>& nodes) {
  variables_.emplace_back("$", Json());  // stands for the subject itself, which is not copied
  walk(nodes, subject_.document);
  return std::move(out_);
}

void TemplateEvaluator::fail(const Operand& operand, const std::string& what) const {
  const std::string_view before = std::string_view(text_).substr(0, operand.position);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t begin = before.rfind('\n');
  const std::size_t column =
      begin == std::string_view::npos ? operand.position : operand.position - begin - 1;
  std::string source = operand.source;
  if (source.size() > kLongestSource) source = source.substr(0, kLongestSource) + "...";
  throw Error(ErrorKind::kInvalidArgument, "template: " + subject_.name + ":" +
                                               std::to_string(line) + ":" + std::to_string(column) +
                                               ": executing " + quote(subject_.name) + " at <" +
                                               source + ">: " + what);
}

TemplateEvaluator::Flow TemplateEvaluator::walk(const std::vector<Node>& nodes, const Json& dot) {
  for (const Node& node : nodes) {
    const std::size_t mark = variables_.size();
    Flow flow = Flow::kNext;
    switch (node.kind) {
      case Node::Kind::kText:
        out_ += node.text;
        break;
      case Node::Kind::kAction: {
        const Json value = evaluate(node.pipeline, dot);
        if (node.pipeline.variables.empty()) out_ += show_value(value);
        continue;  // what it declares lives on
      }
      case Node::Kind::kIf:
      case Node::Kind::kWith: {
        const Json value = evaluate(node.pipeline, dot);
        const bool changes = node.kind == Node::Kind::kWith;
        flow = is_truth(value) ? walk(node.body, changes ? value : dot) : walk(node.otherwise, dot);
        break;
      }
      case Node::Kind::kRange:
        flow = walk_range(node, dot);
        break;
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
    }
    variables_.resize(mark);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

TemplateEvaluator::Flow TemplateEvaluator::walk_range(const Node& node, const Json& dot) {
  Pipeline list = node.pipeline;
  list.variables.clear();  // they are the items', not the list's
  const Json value = evaluate(list, dot);
  if (value.is_array()) {
    for (std::size_t index = 0; index < value.size(); ++index) {
      if (walk_item(node, index, value[index]) == Flow::kBreak) break;
    }
  } else if (value.is_object()) {
    std::vector<std::string> keys;
    for (const auto& item : value.items())
      keys.push_back(item.key());
    std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      if (walk_item(node, key, value.at(key)) == Flow::kBreak) break;
    }
  } else if (value.is_number_integer()) {
    for (std::int64_t index = 0; index < value.get<std::int64_t>(); ++index) {
      if (walk_item(node, index, index) == Flow::kBreak) break;
    }
  } else if (!value.is_null()) {
    fail(node.pipeline.commands.front().front(), "range can't iterate over " + show_value(value));
  }
  const bool empty = value.is_null() || (value.is_structured() && value.empty()) || value == 0;
  return empty ? walk(node.otherwise, dot) : Flow::kNext;
}

TemplateEvaluator::Flow TemplateEvaluator::walk_item(const Node& node, const Json& key,
                                                     const Json& item) {
  const std::size_t mark = variables_.size();
  const auto& names = node.pipeline.variables;
  if (names.size() == 2) variables_.emplace_back(names[0], key);
  if (!names.empty()) variables_.emplace_back(names.back(), item);
  const Flow flow = walk(node.body, item);
  variables_.resize(mark);
  return flow;
}

TemplateEvaluator::Json TemplateEvaluator::evaluate(const Pipeline& pipeline, const Json& dot) {
  Json value;
  bool first = true;
  for (const Invocation& command : pipeline.commands) {
    value = invoke(command, dot, first ? nullptr : &value);
    first = false;
  }
  bind(pipeline, value);
  return value;
}

void TemplateEvaluator::bind(const Pipeline& pipeline, const Json& value) {
  for (const std::string& name : pipeline.variables) {
    Json* known = pipeline.assigns ? variable(name) : nullptr;
    if (known != nullptr) {
      *known = value;
    } else {
      variables_.emplace_back(name, value);
    }
  }
}

TemplateEvaluator::Json* TemplateEvaluator::variable(const std::string& name) {
  const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                  [&](const auto& each) { return each.first == name; });
  return found == variables_.rend() ? nullptr : &found->second;
}

/// `and` and `or` look at their arguments one after the other and stop as soon as they know.
TemplateEvaluator::Json TemplateEvaluator::short_circuit(const Invocation& command, const Json& dot,
                                                         const Json* piped) {
  const bool stops_at = command.front().name == "or";
  Json value;
  for (std::size_t index = 1; index < command.size(); ++index) {
    value = operand_value(command[index], dot);
    if (is_truth(value) == stops_at) return value;
  }
  if (piped != nullptr) return *piped;
  if (command.size() == 1) {
    fail(command.front(),
         "wrong number of args for " + command.front().name + ": want at least 1 got 0");
  }
  return value;
}

TemplateEvaluator::Json TemplateEvaluator::invoke(const Invocation& command, const Json& dot,
                                                  const Json* piped) {
  const Operand& first = command.front();
  const bool is_function = first.kind == Operand::Kind::kFunction;
  if (is_function && (first.name == "and" || first.name == "or")) {
    return short_circuit(command, dot, piped);
  }
  std::vector<Json> arguments;
  for (std::size_t index = 1; index < command.size(); ++index)
    arguments.push_back(operand_value(command[index], dot));
  if (piped != nullptr) arguments.push_back(*piped);
  if (!is_function) {
    if (auto value = call_method(first, dot, arguments)) return *std::move(value);
    if (!arguments.empty()) {
      if (first.fields.empty()) fail(first, "can't give argument to non-function " + first.source);
      fail(first, first.fields.back() + " has arguments but cannot be invoked as function");
    }
    return operand_value(first, dot);
  }
  try {
    Json result = call_template_function(first.name, arguments);
    const bool row = !subject_.type.empty() && first.name == "json" && arguments[0].is_object();
    if (row) result = escape_json_html(result.get<std::string>());
    return first.fields.empty() ? result : follow(first, result);
  } catch (const Error& error) {
    const std::string text = error.what();
    if (text.starts_with("template:")) throw;
    const bool count = text.starts_with("wrong number of args");
    Operand whole = first;
    if (!count) {
      const Operand& last = command.back();
      whole.source = text_.substr(first.position, last.end - first.position);
    }
    fail(whole, count ? text : "error calling " + first.name + ": " + text);
  }
}

std::optional<TemplateEvaluator::Json> TemplateEvaluator::call_method(
    const Operand& operand, const Json& dot, const std::vector<Json>& arguments) {
  const bool root = (operand.kind == Operand::Kind::kDot && &dot == &subject_.document) ||
                    (operand.kind == Operand::Kind::kVariable && operand.name == "$");
  if (!root || operand.fields.size() != 1 || !subject_.method) return std::nullopt;
  try {
    if (const auto text = subject_.method(operand.fields.front(), arguments)) return Json(*text);
  } catch (const Error& error) {
    fail(operand, error.what());
  }
  return std::nullopt;
}

TemplateEvaluator::Json TemplateEvaluator::operand_value(const Operand& operand, const Json& dot) {
  switch (operand.kind) {
    case Operand::Kind::kDot:
      if (auto value = call_method(operand, dot, {})) return *std::move(value);
      return follow(operand, dot);
    case Operand::Kind::kConstant:
      return operand.constant;
    case Operand::Kind::kVariable: {
      if (operand.name == "$") return follow(operand, subject_.document);
      const Json* value = variable(operand.name);
      if (value == nullptr) fail(operand, "undefined variable: " + operand.name);
      return follow(operand, *value);
    }
    case Operand::Kind::kPipeline: {
      const Json value = evaluate(*operand.inner, dot);
      return follow(operand, value);
    }
    case Operand::Kind::kFunction:
      return invoke({operand}, dot, nullptr);
  }
  return {};
}

TemplateEvaluator::Json TemplateEvaluator::follow(const Operand& operand, const Json& start) {
  static const Json kNil;
  const Json* value = &start;
  for (const std::string& name : operand.fields) {
    const bool optional =
        std::find(subject_.optional_fields.begin(), subject_.optional_fields.end(), name) !=
        subject_.optional_fields.end();
    if (value->is_object() && value->contains(name)) {
      value = &value->at(name);
    } else if (value->is_object() && optional) {
      value = &kNil;
    } else if (value == &subject_.document && !subject_.type.empty()) {
      fail(operand, "can't evaluate field " + name + " in type " + subject_.type);
    } else if (value->is_object()) {
      fail(operand, "map has no entry for key " + quote(name));
    } else if (value->is_null()) {
      fail(operand, "nil data; no entry for key " + quote(name));
    } else {
      // Values of maps have no type of their own to Go.
      fail(operand, "can't evaluate field " + name + " in type " +
                        (subject_.type.empty() ? "interface {}" : type_of(*value)));
    }
  }
  return *value;
}

}  // namespace berth::client
