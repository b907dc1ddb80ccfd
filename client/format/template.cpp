#include "client/format/template.hpp"

#include <algorithm>

#include "client/format/template_evaluator.hpp"

namespace berth::client {

namespace {

bool names_field(const Pipeline& pipeline, std::string_view field);

bool names_field(const Operand& operand, std::string_view field) {
  if (operand.inner && names_field(*operand.inner, field)) return true;
  if (!operand.fields.empty()) return operand.fields.front() == field;
  return operand.kind == Operand::Kind::kDot || operand.kind == Operand::Kind::kVariable;
}

bool names_field(const Pipeline& pipeline, std::string_view field) {
  return std::any_of(pipeline.commands.begin(), pipeline.commands.end(), [&](const auto& command) {
    return std::any_of(command.begin(), command.end(),
                       [&](const Operand& operand) { return names_field(operand, field); });
  });
}

bool names_field(const std::vector<Node>& nodes, std::string_view field) {
  return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) {
    return names_field(node.pipeline, field) || names_field(node.body, field) ||
           names_field(node.otherwise, field);
  });
}

}  // namespace

Template::Template(std::string_view text) : text_(text), nodes_(parse_template(text_)) {}

std::string Template::fill(const Subject& subject) const {
  return TemplateEvaluator(text_, subject).run(nodes_);
}

std::string Template::fill(const nlohmann::ordered_json& document) const {
  return fill(Subject{document, {}});
}

bool Template::uses(std::string_view field) const {
  return names_field(nodes_, field);
}

}  // namespace berth::client
