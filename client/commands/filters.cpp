#include "client/commands/filters.hpp"

#include <map>

#include <fmt/format.h>

#include "api/text_writer.hpp"
#include "common/error.hpp"
#include "common/moment.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

std::string seconds_text(Timestamp time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  return fmt::format("{}.{:09}", seconds.count(), (since - seconds).count());
}

bool is_decimal(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
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
  if (const auto time = parse_moment(text)) return seconds_text(*time);
  throw Error(ErrorKind::kInvalidArgument,
              "invalid time \"" + text +
                  "\": expected a time such as 2024-05-06T07:08:09Z, a duration such as 10m, or "
                  "seconds since 1970");
}

}  // namespace berth::client
