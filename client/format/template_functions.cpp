#include "client/format/template_functions.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "client/format/text.hpp"
#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

using Json = nlohmann::ordered_json;
using Arguments = std::vector<Json>;

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::kInvalidArgument, what);
}

void need(const std::string& name, const Arguments& arguments, std::size_t count) {
  if (arguments.size() == count) return;
  fail("wrong number of args for " + name + ": want " + std::to_string(count) + " got " +
       std::to_string(arguments.size()));
}

std::string text_of(const Json& value) {
  if (!value.is_string()) {
    fail("wrong type for value; expected string; got " + type_of(value));
  }
  return value.get<std::string>();
}

std::int64_t number_of(const Json& value) {
  if (!value.is_number_integer()) fail("expected integer; got " + type_of(value));
  return value.get<std::int64_t>();
}

Json dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json join_items(const Json& list, const std::string& separator) {
  if (!list.is_array() && !list.is_null()) {
    fail("wrong type for value; expected []string; got " + type_of(list));
  }
  std::string result;
  bool first = true;
  for (const Json& item : list) {
    if (!std::exchange(first, false)) result += separator;
    result += show_value(item);
  }
  return result;
}

Json split_text(const std::string& text, const std::string& separator) {
  Json parts = Json::array();
  if (separator.empty()) {
    for (const char c : text)
      parts.push_back(std::string(1, c));
    return parts;
  }
  std::size_t begin = 0;
  for (std::size_t at = text.find(separator); at != text.npos; at = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, at - begin));
    begin = at + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string change_case(std::string text, bool upper) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) c = static_cast<char>(upper ? std::toupper(byte) : std::tolower(byte));
  }
  return text;
}

/// As Go's strings.Title: the first letter of each word; the others stay.
std::string title(std::string text) {
  bool begins = true;
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (begins && byte < 0x80) c = static_cast<char>(std::toupper(byte));
    begins = byte < 0x80 && std::isalnum(byte) == 0 && c != '_' && c != '\'';
  }
  return text;
}

/// Docker's pad: blanks around a text that is not empty.
Json pad(const Arguments& arguments) {
  std::string text = text_of(arguments[0]);
  if (text.empty()) return text;
  const auto blanks = [](const Json& count) {
    return std::string(static_cast<std::size_t>(std::max<std::int64_t>(number_of(count), 0)), ' ');
  };
  return blanks(arguments[1]) + text + blanks(arguments[2]);
}

Json truncate(const Arguments& arguments) {
  const std::string text = text_of(arguments[0]);
  const std::int64_t length = number_of(arguments[1]);
  if (length < 0) fail("slice bounds out of range");
  return text.substr(0, std::min(text.size(), static_cast<std::size_t>(length)));
}

/// What Go finds under a key that is not there: the zero value of the map's elements.
Json absent(const Json& map) {
  if (map.empty()) return "";
  const Json& sample = map.begin().value();
  if (sample.is_string()) return "";
  if (sample.is_array()) return Json::array();
  return nullptr;
}

Json index_value(const Arguments& arguments) {
  if (arguments.empty()) fail("wrong number of args for index: want at least 1 got 0");
  const Json* value = arguments.data();
  Json missing;
  for (std::size_t at = 1; at < arguments.size(); ++at) {
    const Json& key = arguments[at];
    if (value->is_null()) fail("index of untyped nil");
    if (value->is_object()) {
      if (!key.is_string()) fail("value has type " + type_of(key) + "; should be string");
      const auto found = value->find(key.get<std::string>());
      if (found == value->end()) {
        missing = absent(*value);
        value = &missing;
      } else {
        value = &*found;
      }
      continue;
    }
    if (!value->is_array() && !value->is_string()) {
      fail("can't index item of type " + type_of(*value));
    }
    if (!key.is_number_integer()) fail("cannot index slice/array with type " + type_of(key));
    const auto position = key.get<std::int64_t>();
    const std::size_t size =
        value->is_array() ? value->size() : value->get_ref<const std::string&>().size();
    if (position < 0 || static_cast<std::size_t>(position) >= size) {
      fail("index out of range: " + std::to_string(position));
    }
    if (value->is_string()) {
      return static_cast<unsigned char>(
          value->get_ref<const std::string&>()[static_cast<std::size_t>(position)]);
    }
    value = &value->at(static_cast<std::size_t>(position));
  }
  return *value;
}

Json slice_value(const Arguments& arguments) {
  if (arguments.empty()) fail("wrong number of args for slice: want at least 1 got 0");
  const Json& value = arguments.front();
  if (!value.is_array() && !value.is_string()) fail("can't slice item of type " + type_of(value));
  const std::size_t size =
      value.is_array() ? value.size() : value.get_ref<const std::string&>().size();
  const auto bound = [&](std::size_t at, std::size_t otherwise) {
    if (arguments.size() <= at) return otherwise;
    const std::int64_t position = number_of(arguments[at]);
    if (position < 0 || static_cast<std::size_t>(position) > size) {
      fail("index out of range: " + std::to_string(position));
    }
    return static_cast<std::size_t>(position);
  };
  const std::size_t begin = bound(1, 0);
  const std::size_t end = bound(2, size);
  if (begin > end) {
    fail("invalid slice index: " + std::to_string(begin) + " > " + std::to_string(end));
  }
  if (value.is_string()) return value.get_ref<const std::string&>().substr(begin, end - begin);
  return Json(Json::array_t(value.begin() + static_cast<std::ptrdiff_t>(begin),
                            value.begin() + static_cast<std::ptrdiff_t>(end)));
}

Json length(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size();
  if (value.is_structured()) return value.size();
  if (value.is_null()) return 0;
  fail("len of type " + type_of(value));
}

/// -1, 0 or 1; Go compares within one kind only.
int compare(const Json& left, const Json& right, bool orders) {
  const auto kind = [](const Json& value) {
    if (value.is_number_integer()) return 1;
    if (value.is_number_float()) return 2;
    if (value.is_string()) return 3;
    if (value.is_boolean()) return 4;
    return value.is_null() ? 5 : 6;
  };
  if (kind(left) == 6 || kind(right) == 6)
    fail("non-comparable type " + type_of(kind(left) == 6 ? left : right));
  if (kind(left) == 5 || kind(right) == 5) return kind(left) == kind(right) ? 0 : 1;
  if (kind(left) != kind(right)) fail("incompatible types for comparison");
  if (orders && left.is_boolean()) fail("invalid type for comparison");
  if (left == right) return 0;
  return left < right ? -1 : 1;
}

Json equals_any(const Arguments& arguments) {
  if (arguments.size() < 2) fail("missing argument for comparison");
  return std::any_of(arguments.begin() + 1, arguments.end(),
                     [&](const Json& other) { return compare(arguments[0], other, false) == 0; });
}

/// Blanks go between operands when neither is a string (Print), or always (Println).
std::string print_all(const Arguments& arguments, bool line) {
  std::string result;
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const bool strings =
        index > 0 && (arguments[index].is_string() || arguments[index - 1].is_string());
    if (index > 0 && (line || !strings)) result += ' ';
    result += arguments[index].is_null() ? "<nil>" : show_value(arguments[index]);
  }
  return line ? result + "\n" : result;
}

std::string escape_html(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&#34;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string escape_query(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') {
      result += '+';
    } else if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      result += c;
    } else {
      result += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return result;
}

struct Function {
  std::string_view name;
  int count;  // of arguments; -1: any
  Json (*call)(const Arguments& arguments);
};

constexpr std::array kFunctions{
    Function{"and", -1, nullptr},  // the evaluator's, as they may stop early
    Function{"or", -1, nullptr},
    Function{"not", 1, [](const Arguments& a) -> Json { return !is_truth(a[0]); }},
    Function{"json", 1, [](const Arguments& a) { return dump(a[0]); }},
    Function{"join", 2, [](const Arguments& a) { return join_items(a[0], text_of(a[1])); }},
    Function{"split", 2,
             [](const Arguments& a) { return split_text(text_of(a[0]), text_of(a[1])); }},
    Function{"lower", 1,
             [](const Arguments& a) -> Json { return change_case(text_of(a[0]), false); }},
    Function{"upper", 1,
             [](const Arguments& a) -> Json { return change_case(text_of(a[0]), true); }},
    Function{"title", 1, [](const Arguments& a) -> Json { return title(text_of(a[0])); }},
    Function{"pad", 3, pad},
    Function{"truncate", 2, truncate},
    Function{"index", -1, index_value},
    Function{"slice", -1, slice_value},
    Function{"len", 1, [](const Arguments& a) { return length(a[0]); }},
    Function{"print", -1, [](const Arguments& a) -> Json { return print_all(a, false); }},
    Function{"println", -1, [](const Arguments& a) -> Json { return print_all(a, true); }},
    Function{"printf", -1,
             [](const Arguments& a) -> Json {
               if (a.empty()) fail("wrong number of args for printf: want at least 1 got 0");
               return print_formatted(text_of(a[0]), {a.begin() + 1, a.end()});
             }},
    Function{"html", -1,
             [](const Arguments& a) -> Json { return escape_html(print_all(a, false)); }},
    Function{"urlquery", -1,
             [](const Arguments& a) -> Json { return escape_query(print_all(a, false)); }},
    Function{"eq", -1, equals_any},
    Function{"ne", 2, [](const Arguments& a) -> Json { return compare(a[0], a[1], false) != 0; }},
    Function{"lt", 2, [](const Arguments& a) -> Json { return compare(a[0], a[1], true) < 0; }},
    Function{"le", 2, [](const Arguments& a) -> Json { return compare(a[0], a[1], true) <= 0; }},
    Function{"gt", 2, [](const Arguments& a) -> Json { return compare(a[0], a[1], true) > 0; }},
    Function{"ge", 2, [](const Arguments& a) -> Json { return compare(a[0], a[1], true) >= 0; }},
};

const Function* find_function(std::string_view name) {
  const auto found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                  [&](const Function& each) { return each.name == name; });
  return found == kFunctions.end() ? nullptr : found;
}

}  // namespace

bool is_template_function(std::string_view name) {
  return find_function(name) != nullptr;
}

Json call_template_function(const std::string& name, const Arguments& arguments) {
  const Function* function = find_function(name);
  if (function == nullptr || function->call == nullptr)
    fail("\"" + name + "\" is not a defined function");
  if (function->count >= 0) need(name, arguments, static_cast<std::size_t>(function->count));
  return function->call(arguments);
}

std::string escape_json_html(const std::string& json) {
  std::string result;
  for (const char c : json) {
    if (c == '<' || c == '>' || c == '&') {
      result += c == '<' ? "\\u003c" : (c == '>' ? "\\u003e" : "\\u0026");
    } else {
      result += c;
    }
  }
  return result;
}

bool is_truth(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != 0;
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return value.is_structured() && !value.empty();
}

std::string type_of(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_number_integer()) return "int";
  if (value.is_number_float()) return "float64";
  if (value.is_array()) return "[]interface {}";
  return value.is_object() ? "map[string]interface {}" : "<nil>";
}

}  // namespace berth::client
