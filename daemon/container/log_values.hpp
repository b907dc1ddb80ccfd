// Values of log options, and what is said of bad ones: in the words of other engines.
#pragma once

#include <map>
#include <string>

namespace berth::container {

/// Null when the option is not given.
const std::string* find_value(const std::map<std::string, std::string>& options,
                              const std::string& name);
std::string value_or(const std::map<std::string, std::string>& options, const std::string& name,
                     const char* otherwise);

/// Both throw Error{kInvalidArgument}.
int whole_number(const std::string& option, const std::string& value);
bool truth(const std::string& option, const std::string& value);

}  // namespace berth::container
