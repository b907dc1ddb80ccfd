#include "api/reader.hpp"

#include "common/error.hpp"

namespace berth::api {

namespace {

constexpr std::size_t kLongestQuote = 64;

/// What stands there, for people: short, and safe to print.
std::string describe(const nlohmann::json& json) {
  switch (json.type()) {
    case nlohmann::json::value_t::object:
      return "an object";
    case nlohmann::json::value_t::array:
      return "a list of " + std::to_string(json.size());
    case nlohmann::json::value_t::null:
      return "null";
    default:
      break;
  }
  std::string text = json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongestQuote) text = text.substr(0, kLongestQuote) + "...";
  if (json.is_string()) return "the string " + text;
  if (json.is_number()) return "the number " + text;
  return text;
}

std::string prefix(const Path& path) {
  const std::string where = path.text();
  return where.empty() ? "the JSON document: " : where + ": ";
}

}  // namespace

std::string Path::text() const {
  std::string before = parent != nullptr ? parent->text() : std::string();
  if (parent == nullptr && name.empty()) return before;
  if (name.empty()) return before + "[" + std::to_string(index) + "]";
  if (before.empty()) return std::string(name);
  return before + "." + std::string(name);
}

void throw_mismatch(const Path& path, std::string_view wanted, const nlohmann::json& found) {
  throw Error(ErrorKind::kInvalidArgument,
              prefix(path) + "expected " + std::string(wanted) + ", got " + describe(found));
}

void throw_out_of_range(const Path& path, const nlohmann::json& found, std::string_view lowest,
                        std::string_view highest) {
  throw Error(ErrorKind::kInvalidArgument, prefix(path) + "expected an integer from " +
                                               std::string(lowest) + " to " + std::string(highest) +
                                               ", got " + describe(found));
}

nlohmann::json parse_json(std::string_view text) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    // The library's text quotes the input at length; the place is what helps.
    throw Error(ErrorKind::kInvalidArgument,
                text.empty() ? "expected a JSON object, got nothing"
                             : "invalid JSON at byte " + std::to_string(error.byte));
  }
}

}  // namespace berth::api
