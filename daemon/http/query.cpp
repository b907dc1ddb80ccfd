#include "daemon/http/query.hpp"

#include <boost/url/parse_query.hpp>
#include <boost/url/rfc/pchars.hpp>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/moment.hpp"
#include "common/text.hpp"

namespace berth::http {

namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view value,
                         const std::string& should_be) {
  throw Error(ErrorKind::kInvalidArgument, "invalid value \"" + std::string(value) +
                                               "\" of the parameter " + std::string(name) +
                                               ": must be " + should_be);
}

/// People write filters={"status":["exited"]} into curl as it is: what should have been encoded,
/// and has only one meaning, is.
std::string encode_stray(std::string_view given) {
  constexpr auto kKept = boost::urls::pchars + '/' + '?' + '%';
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : given) {
    const auto byte = static_cast<unsigned char>(c);
    if (kKept(byte)) {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kDigits[byte >> 4U], kDigits[byte & 15U]});
    }
  }
  return encoded;
}

std::vector<std::string> filter_values(const std::string& name, const nlohmann::json& json) {
  std::vector<std::string> values;
  if (json.is_array()) {
    for (const auto& value : json) {
      if (!value.is_string())
        refuse("filters", json.dump(), "a list of strings for \"" + name + "\"");
      values.push_back(value.get<std::string>());
    }
  } else if (json.is_object()) {
    for (const auto& [value, wanted] : json.items()) {
      if (wanted.is_boolean() && wanted.get<bool>()) values.push_back(value);
    }
  } else {
    refuse("filters", json.dump(), "a list or a map of strings for \"" + name + "\"");
  }
  return values;
}

}  // namespace

Query::Query(std::string_view given) {
  const std::string encoded = encode_stray(given);
  const auto parsed = boost::urls::parse_query(encoded);
  if (!parsed) {
    throw Error(ErrorKind::kInvalidArgument, "invalid query string: it is not URL encoded");
  }
  for (const auto& parameter : *parsed) {
    // Go's clients write a blank as '+' (application/x-www-form-urlencoded).
    boost::urls::encoding_opts options;
    options.space_as_plus = true;
    parameters_.emplace_back(parameter.key.decode(options), parameter.value.decode(options));
  }
}

bool Query::has(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return true;
  }
  return false;
}

std::string Query::text(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : parameters_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

bool Query::flag(std::string_view name, bool when_absent) const {
  if (!has(name)) return when_absent;
  const std::string value = to_lower(trim(text(name)));
  return !value.empty() && value != "0" && value != "no" && value != "false" && value != "none";
}

std::optional<std::int64_t> Query::number(std::string_view name) const {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  const auto parsed = parse_number<std::int64_t>(value);
  if (!parsed) refuse(name, value, "a whole number");
  return parsed;
}

Filters Query::filters(std::string_view name) const {
  const std::string value = text(name);
  if (value.empty()) return {};
  const auto json = nlohmann::json::parse(value, nullptr, false);
  if (!json.is_object()) refuse(name, value, "a JSON object");
  Filters filters;
  for (const auto& [filter, values] : json.items())
    filters[filter] = filter_values(filter, values);
  return filters;
}

std::optional<Timestamp> Query::time(std::string_view name) const {
  const std::string value = text(name);
  if (value.empty() || value == "0") return std::nullopt;
  const auto moment = parse_moment(value);
  if (!moment) refuse(name, value, "seconds since 1970, a time as in RFC 3339, or a duration");
  return moment;
}

}  // namespace berth::http
