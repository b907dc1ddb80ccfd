#include "daemon/container/log_values.hpp"

#include <set>
#include <string_view>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::container {

const std::string* find_value(const std::map<std::string, std::string>& options,
                              const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? nullptr : &found->second;
}

std::string value_or(const std::map<std::string, std::string>& options, const std::string& name,
                     const char* otherwise) {
  const std::string* value = find_value(options, name);
  return value == nullptr ? otherwise : *value;
}

int whole_number(const std::string& option, const std::string& value) {
  if (const auto number = parse_number<int>(value)) return *number;
  throw Error(ErrorKind::kInvalidArgument,
              "invalid value for " + option + ": \"" + value + "\": must be a whole number");
}

bool truth(const std::string& option, const std::string& value) {
  // As Go reads them (strconv.ParseBool).
  static const std::set<std::string_view> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  static const std::set<std::string_view> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
  if (kTrue.contains(value)) return true;
  if (kFalse.contains(value)) return false;
  throw Error(ErrorKind::kInvalidArgument,
              "invalid value for " + option + ": \"" + value + "\": must be true or false");
}

}  // namespace berth::container
