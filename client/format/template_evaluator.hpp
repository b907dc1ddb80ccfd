// Fills a parsed template.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "client/format/template.hpp"

namespace berth::client {

class TemplateEvaluator {
 public:
  TemplateEvaluator(const std::string& text, const Template::Subject& subject)
      : text_(text), subject_(subject) {}

  std::string run(const std::vector<Node>& nodes);

 private:
  using Json = nlohmann::ordered_json;
  enum class Flow { kNext, kBreak, kContinue };

  Flow walk(const std::vector<Node>& nodes, const Json& dot);
  Flow walk_range(const Node& node, const Json& dot);
  Flow walk_item(const Node& node, const Json& key, const Json& item);
  Json evaluate(const Pipeline& pipeline, const Json& dot);
  void bind(const Pipeline& pipeline, const Json& value);
  Json invoke(const Invocation& command, const Json& dot, const Json* piped);
  Json operand_value(const Operand& operand, const Json& dot);
  Json short_circuit(const Invocation& command, const Json& dot, const Json* piped);
  Json follow(const Operand& operand, const Json& start);
  std::optional<Json> call_method(const Operand& operand, const Json& dot,
                                  const std::vector<Json>& arguments);
  Json* variable(const std::string& name);
  [[noreturn]] void fail(const Operand& operand, const std::string& what) const;

  const std::string& text_;
  const Template::Subject& subject_;
  std::string out_;
  std::vector<std::pair<std::string, Json>> variables_;
};

}  // namespace berth::client
