#include "daemon/container/log_options.hpp"

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::container {

api::LogConfig complete_log_config(const api::LogConfig& asked, const Settings& settings) {
  if (!asked.type.empty()) return asked;
  api::LogConfig config{settings.log_driver, settings.log_options};
  config.config.insert(asked.config.begin(), asked.config.end());
  if (config.type == "json-file" && !config.config.contains("max-size")) {
    config.config["max-size"] = "20m";
    config.config.emplace("max-file", "5");
  }
  return config;
}

LogOptions parse_log_options(const api::LogConfig& config) {
  LogOptions options;
  options.driver = config.type;
  const auto value = [&](const char* key) -> const std::string* {
    const auto found = config.config.find(key);
    return found == config.config.end() ? nullptr : &found->second;
  };
  if (const std::string* size = value("max-size")) {
    options.max_size = *size == "-1" ? -1 : parse_memory_size(*size);
    if (options.max_size == 0)
      throw Error(ErrorKind::kInvalidArgument, "max-size must be a positive number");
  }
  if (const std::string* count = value("max-file")) {
    const auto number = parse_number<int>(*count);
    if (!number || *number < 1) {
      throw Error(ErrorKind::kInvalidArgument,
                  "max-file cannot be less than 1: \"" + *count + "\"");
    }
    options.max_file = *number;
    if (*number > 1 && options.max_size < 0) {
      throw Error(ErrorKind::kInvalidArgument,
                  "max-file needs max-size: without a bound nothing is rotated");
    }
  }
  if (const std::string* compress = value("compress")) {
    if (*compress != "true" && *compress != "false") {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid compress option \"" + *compress + "\": must be true or false");
    }
    options.compress = *compress == "true";
  }
  if (options.compress) {
    throw Error(ErrorKind::kNotImplemented,
                "the log option compress is not supported: leave it out");
  }
  return options;
}

nlohmann::json log_document(const LogOptions& options, const std::string& file,
                            const std::map<std::string, std::string>& attributes) {
  return {{"driver", options.driver},     {"file", file},
          {"max_size", options.max_size}, {"max_file", options.max_file},
          {"compress", options.compress}, {"attrs", attributes}};
}

}  // namespace berth::container
