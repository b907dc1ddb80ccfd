// The query part of a request, decoded. The one way to read one.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::http {

/// Filters of the API by name, each with its values.
using Filters = std::map<std::string, std::vector<std::string>>;

class Query {
 public:
  Query() = default;
  /// What follows the question mark. Throws Error{kInvalidArgument} when the encoding is broken;
  /// letters that only should have been encoded are taken as they are.
  explicit Query(std::string_view given);

  bool has(std::string_view name) const;
  /// The first value, or "".
  std::string text(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;

  /// As the API reads truth: absent, "", 0, no, false and none are false, all else is true.
  bool flag(std::string_view name, bool when_absent = false) const;

  /// Throws Error{kInvalidArgument} for what is no whole number.
  std::optional<std::int64_t> number(std::string_view name) const;

  /// JSON in either of two forms, {"name":["value"]} and the older {"name":{"value":true}}. Throws
  /// Error{kInvalidArgument}.
  Filters filters(std::string_view name = "filters") const;

  /// Seconds since 1970 with an optional fraction, RFC 3339, or a Go duration such as "10m", which
  /// counts back from now. Absent and "0" give nothing. Throws Error{kInvalidArgument}.
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> time(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace berth::http
