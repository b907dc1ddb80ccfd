// Values of flags, taken apart. Everything here throws Error{kInvalidArgument} that quotes the
// value and says what would be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/field.hpp"
#include "common/error.hpp"

namespace berth::client {

/// `invalid <what> "<value>": expected <wanted>`.
Error invalid_value(std::string_view what, std::string_view value, std::string_view wanted);

/// A flag's list of "key=value", as a map; a key alone has an empty value.
api::StringMap parse_pairs(const std::vector<std::string>& values, std::string_view flag);

/// The fields of one line of comma separated values; quotes may enclose a field (RFC 4180).
std::vector<std::string> parse_csv(std::string_view line);

/// "key=value" of a field of such a line; the key in lower case, no value for a key alone.
struct KeyValue {
  std::string key;
  std::string value;
  bool has_value = false;
};
KeyValue parse_key_value(std::string_view text);

/// true, 1, t / false, 0, f in any case.
bool parse_bool(std::string_view what, std::string_view text);

std::int64_t parse_integer(std::string_view what, std::string_view text);

/// Nanoseconds of "1m30s".
std::int64_t parse_nanoseconds(std::string_view what, std::string_view text);

/// "1.5" as 1500000000, exactly.
std::int64_t parse_cpus(std::string_view text);

/// -e and --env-file: "NAME" alone takes the client's own value; without one it is dropped from a
/// file, and as a flag takes the image's variable away.
std::vector<std::string> read_environment(const std::vector<std::string>& files,
                                          const std::vector<std::string>& values);

/// --label and --label-file.
api::StringMap read_labels(const std::vector<std::string>& files,
                           const std::vector<std::string>& values);

/// What `parse` makes of each value.
template <typename Result, typename Parse>
std::vector<Result> parse_each(const std::vector<std::string>& values, Parse parse) {
  std::vector<Result> results;
  results.reserve(values.size());
  for (const std::string& value : values)
    results.push_back(parse(value));
  return results;
}

/// `path` as an absolute one when it begins with "." or "..", else as it is.
std::string absolute_if_dotted(std::string_view path);

}  // namespace berth::client
