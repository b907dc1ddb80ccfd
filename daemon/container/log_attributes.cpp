#include <regex.h>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/spec.hpp"

namespace berth::container {

namespace {

using Attributes = std::map<std::string, std::string>;

/// An extended regular expression (regex(7)).
class Expression {
 public:
  Expression(const char* option, const std::string& text) {
    if (::regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NOSUB) == 0) return;
    throw Error(ErrorKind::kInvalidArgument, "invalid log opt " + std::string(option) + " \"" +
                                                 text + "\": no regular expression");
  }
  ~Expression() { ::regfree(&compiled_); }
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  bool matches(const std::string& text) const {
    return ::regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t compiled_{};
};

const std::string* option(const api::LogConfig& config, const char* name) {
  const auto found = config.config.find(name);
  return found == config.config.end() || found->second.empty() ? nullptr : &found->second;
}

void choose_by_name(const Attributes& all, const std::string& names, Attributes& chosen) {
  for (const std::string_view name : split(names, ',')) {
    if (const auto found = all.find(std::string(name)); found != all.end()) chosen.insert(*found);
  }
}

void choose_by_expression(const Attributes& all, const Expression& expression, Attributes& chosen) {
  for (const auto& entry : all) {
    if (expression.matches(entry.first)) chosen.insert(entry);
  }
}

void choose(const Attributes& all, const api::LogConfig& config, const char* by_name,
            const char* by_expression, Attributes& chosen) {
  if (const std::string* names = option(config, by_name)) choose_by_name(all, *names, chosen);
  if (const std::string* text = option(config, by_expression))
    choose_by_expression(all, Expression(by_expression, *text), chosen);
}

Attributes variables_of(const api::ContainerConfig& config) {
  Attributes variables;
  for (const std::string& entry : config.env) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos) variables[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return variables;
}

/// What a field of a tag's template stands for, as other engines name them.
std::string field_value(const Definition& definition, const std::string& name,
                        std::string_view field) {
  const std::string& id = definition.id.str();
  if (field == ".ID") return std::string(short_id(id));
  if (field == ".FullID") return id;
  if (field == ".Name") return name;
  if (field == ".ImageName") return definition.config.image;
  if (field == ".ImageID")
    return std::string(short_id(definition.image_id.substr(definition.image_id.find(':') + 1)));
  if (field == ".ImageFullID") return definition.image_id;
  if (field == ".DaemonName") return "docker";
  if (field == ".Command") return join(process_arguments(definition.config), " ");
  throw Error(ErrorKind::kInvalidArgument,
              "invalid log opt tag: unknown field \"" + std::string(field) +
                  "\": use .ID, .FullID, .Name, .ImageName, .ImageID, .ImageFullID, .DaemonName or "
                  ".Command");
}

std::string expand_tag(const std::string& text, const Definition& definition,
                       const std::string& name) {
  std::string expanded;
  std::size_t position = 0;
  for (;;) {
    const std::size_t open = text.find("{{", position);
    expanded.append(text, position, open - position);
    if (open == std::string::npos) return expanded;
    const std::size_t close = text.find("}}", open);
    if (close == std::string::npos)
      throw Error(ErrorKind::kInvalidArgument, "invalid log opt tag \"" + text + "\": no }}");
    expanded += field_value(definition, name,
                            trim(std::string_view(text).substr(open + 2, close - open - 2)));
    position = close + 2;
  }
}

}  // namespace

std::string log_tag(const Definition& definition, const std::string& name) {
  const std::string* tag = option(definition.host_config.log_config, "tag");
  return expand_tag(tag == nullptr ? "{{.ID}}" : *tag, definition, name);
}

Attributes log_attributes(const Definition& definition, const std::string& name) {
  const api::LogConfig& config = definition.host_config.log_config;
  Attributes chosen;
  choose(definition.config.labels, config, "labels", "labels-regex", chosen);
  choose(variables_of(definition.config), config, "env", "env-regex", chosen);
  if (option(config, "tag") != nullptr) chosen["tag"] = log_tag(definition, name);
  return chosen;
}

}  // namespace berth::container
