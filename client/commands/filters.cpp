#include "client/commands/filters.hpp"

#include <ctime>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "api/text_writer.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "common/time.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

std::string seconds_text(Timestamp time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  return fmt::format("{}.{:09}", seconds.count(), (since - seconds).count());
}

/// Dates and times without a zone are local ones.
std::optional<Timestamp> parse_local(const std::string& text) {
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    return Timestamp(std::chrono::seconds(std::mktime(&parts)));
  }
  return std::nullopt;
}

bool is_decimal(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
}

template <typename Parse>
std::optional<Timestamp> attempt(Parse parse) {
  try {
    return parse();
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::string encode_filters(const std::vector<std::string>& filters) {
  if (filters.empty()) return {};
  std::map<std::string, std::vector<std::string>> grouped;
  for (const std::string& filter : filters) {
    const std::size_t equals = filter.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid filter \"" + filter + "\": expected NAME=VALUE");
    }
    const std::string name(trim(to_lower(filter.substr(0, equals))));
    grouped[name].emplace_back(trim(std::string_view(filter).substr(equals + 1)));
  }
  api::TextWriter out;
  char before = '{';
  for (const auto& [name, values] : grouped) {
    out.raw(before);
    out.string(name);
    out.raw(':');
    char between = '[';
    for (const std::string& value : values) {
      out.raw(between);
      out.string(value);
      between = ',';
    }
    out.raw(']');
    before = ',';
  }
  out.raw('}');
  return out.take();
}

std::string encode_time(const std::string& text) {
  if (text.empty() || is_decimal(text)) return text;
  if (const auto time = attempt([&] { return now() - parse_duration(text); })) {
    return seconds_text(*time);
  }
  if (const auto time = attempt([&] { return parse_rfc3339(text); })) return seconds_text(*time);
  if (const auto time = parse_local(text)) return seconds_text(*time);
  throw Error(ErrorKind::kInvalidArgument,
              "invalid time \"" + text +
                  "\": expected a time such as 2024-05-06T07:08:09Z, a duration such as 10m, or "
                  "seconds since 1970");
}

}  // namespace berth::client
