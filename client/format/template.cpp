#include "client/format/template.hpp"

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

Error not_understood(std::string_view action) {
  return Error(ErrorKind::kInvalidArgument,
               "cannot use the template action {{" + std::string(action) +
                   "}}: expected {{.Field}}, {{.Field.Field}} or {{json .Field}}");
}

std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t index = 0; index < text.size(); ++index) {
    const std::string_view pair = text.substr(index, 2);
    if (pair == "\\t" || pair == "\\n") {
      result += pair == "\\t" ? '\t' : '\n';
      ++index;
    } else {
      result += text[index];
    }
  }
  return result;
}

bool is_name(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (c < '0' || c > '9')) return false;
  }
  return true;
}

/// As Go prints values: strings bare, lists as [a b], maps as map[k:v].
std::string show(const nlohmann::ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<no value>";
  if (value.is_array()) {
    std::string text;
    for (const auto& item : value)
      text += (text.empty() ? "" : " ") + show(item);
    return "[" + text + "]";
  }
  if (value.is_object()) {
    std::string text;
    for (const auto& item : value.items())
      text += (text.empty() ? "" : " ") + item.key() + ":" + show(item.value());
    return "map[" + text + "]";
  }
  return value.dump();
}

}  // namespace

Template::Template(std::string_view text) {
  while (!text.empty()) {
    const std::size_t begin = text.find("{{");
    if (begin != 0) parts_.push_back({unescape(text.substr(0, begin)), {}, false, false});
    if (begin == std::string_view::npos) return;
    const std::size_t end = text.find("}}", begin);
    if (end == std::string_view::npos) {
      throw Error(ErrorKind::kInvalidArgument, "the template has \"{{\" without \"}}\"");
    }
    parts_.push_back(parse_action(trim(text.substr(begin + 2, end - begin - 2))));
    text.remove_prefix(end + 2);
  }
}

Template::Part Template::parse_action(std::string_view action) {
  constexpr std::string_view kJson = "json ";
  Part part;
  part.is_field = true;
  std::string_view field = action;
  if (field.starts_with(kJson)) {
    part.as_json = true;
    field = trim(field.substr(kJson.size()));
  }
  if (!field.starts_with('.')) throw not_understood(action);
  if (field.size() == 1) return part;
  for (const std::string_view name : split(field.substr(1), '.')) {
    if (!is_name(name)) throw not_understood(action);
    part.path.emplace_back(name);
  }
  return part;
}

std::string Template::fill(const Lookup& lookup) const {
  std::string result;
  for (const Part& part : parts_)
    result += part.is_field ? lookup(part.path, part.as_json) : part.text;
  return result;
}

std::string Template::fill(const nlohmann::ordered_json& document) const {
  return fill([&document](const std::vector<std::string>& path, bool as_json) {
    const nlohmann::ordered_json* value = &document;
    for (const std::string& name : path) {
      if (!value->is_object() || !value->contains(name)) {
        throw Error(ErrorKind::kInvalidArgument,
                    "the template names the unknown field \"." + join(path, ".") + "\"");
      }
      value = &value->at(name);
    }
    return as_json ? value->dump() : show(*value);
  });
}

}  // namespace berth::client
