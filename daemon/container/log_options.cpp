#include "daemon/container/log_options.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/units.hpp"
#include "daemon/container/log_receiver.hpp"
#include "daemon/container/log_values.hpp"

namespace berth::container {

namespace {

using Options = std::map<std::string, std::string>;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

// --- files ---------------------------------------------------------------------------------------

LogFileOptions json_file_options(const Options& options) {
  LogFileOptions parsed;
  if (const std::string* size = find_value(options, "max-size")) {
    // Sizes of logs are counted in thousands.
    parsed.max_size = *size == "-1" ? -1 : parse_decimal_size(*size);
    if (parsed.max_size == 0) refuse("max-size must be a positive number");
  }
  if (const std::string* count = find_value(options, "max-file")) {
    parsed.max_file = whole_number("max-file", *count);
    if (parsed.max_file < 1) refuse("max-file cannot be less than 1");
  }
  if (const std::string* compress = find_value(options, "compress"))
    parsed.compress = truth("compress", *compress);
  if (parsed.compress && (parsed.max_file < 2 || parsed.max_size < 0)) {
    refuse("compress cannot be true when max-file is less than 2 or max-size is not set");
  }
  return parsed;
}

/// Of the driver local, and of the cache beside a driver whose logs cannot be read, whose options
/// begin with `prefix`.
LogFileOptions local_options(const Options& options, const std::string& prefix) {
  constexpr std::int64_t kSize = std::int64_t{20} << 20U;
  constexpr int kFiles = 5;
  LogFileOptions parsed{kSize, kFiles, true};
  if (const std::string* size = find_value(options, prefix + "max-size")) {
    if (size->starts_with('-')) refuse(prefix + "max-size must not be negative");
    parsed.max_size = parse_decimal_size(*size);
    if (parsed.max_size == 0) refuse(prefix + "max-size must be a positive number");
  }
  if (const std::string* count = find_value(options, prefix + "max-file")) {
    parsed.max_file = whole_number(prefix + "max-file", *count);
    if (parsed.max_file < 0) refuse(prefix + "max-file must not be negative");
  }
  if (const std::string* compress = find_value(options, prefix + "compress"))
    parsed.compress = truth(prefix + "compress", *compress);
  if (parsed.compress && parsed.max_file <= 1)
    refuse("compression cannot be enabled when max file count is 1");
  return parsed;
}

// --- drivers -------------------------------------------------------------------------------------

// Of what every driver takes.
constexpr std::array<std::string_view, 6> kCommon = {"mode",           "max-buffer-size",
                                                     "cache-disabled", "cache-max-size",
                                                     "cache-max-file", "cache-compress"};
// Of what makes attributes.
constexpr std::array<std::string_view, 5> kAttributes = {"labels", "labels-regex", "env",
                                                         "env-regex", "tag"};
constexpr std::array<std::string_view, 3> kFiles = {"max-size", "max-file", "compress"};

struct Driver {
  std::string_view name;
  std::span<const std::string_view> options;
};

constexpr std::array<std::string_view, 7> kSyslog = {
    "syslog-address",  "syslog-facility", "syslog-format",         "syslog-tls-ca-cert",
    "syslog-tls-cert", "syslog-tls-key",  "syslog-tls-skip-verify"};
constexpr std::array<std::string_view, 5> kGelf = {
    "gelf-address", "gelf-compression-level", "gelf-compression-type", "gelf-tcp-max-reconnect",
    "gelf-tcp-reconnect-delay"};
constexpr std::array<std::string_view, 11> kFluentd = {
    "fluentd-address",       "fluentd-async",
    "fluentd-async-connect", "fluentd-async-reconnect-interval",
    "fluentd-buffer-limit",  "fluentd-max-retries",
    "fluentd-read-timeout",  "fluentd-request-ack",
    "fluentd-retry-wait",    "fluentd-sub-second-precision",
    "fluentd-write-timeout"};

constexpr std::array kDrivers = {
    Driver{"json-file", kFiles}, Driver{"local", kFiles},     Driver{"syslog", kSyslog},
    Driver{"gelf", kGelf},       Driver{"fluentd", kFluentd}, Driver{"journald", {}},
};

const Driver* find_driver(std::string_view name) {
  const auto found = std::find_if(kDrivers.begin(), kDrivers.end(),
                                  [&](const Driver& driver) { return driver.name == name; });
  return found == kDrivers.end() ? nullptr : &*found;
}

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_names(const Driver& driver, const Options& options) {
  for (const auto& [key, value] : options) {
    if (contains(kCommon, key) || contains(kAttributes, key) || contains(driver.options, key))
      continue;
    refuse(driver.name == "local"
               ? "unknown log opt '" + key + "' for log driver local"
               : "unknown log opt '" + key + "' for " + std::string(driver.name) + " log driver");
  }
}

void check_mode(const Options& options) {
  const std::string mode = value_or(options, "mode", "");
  if (!mode.empty() && mode != "blocking" && mode != "non-blocking")
    refuse("logger: logging mode not supported: " + mode);
  const std::string* size = find_value(options, "max-buffer-size");
  if (size == nullptr) return;
  if (mode != "non-blocking")
    refuse("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  try {
    parse_memory_size(*size);
  } catch (const Error& error) {
    refuse(std::string("error parsing option max-buffer-size: ") + error.what());
  }
}

}  // namespace

api::LogConfig complete_log_config(const api::LogConfig& asked, const Settings& settings) {
  api::LogConfig config = asked;
  if (config.type.empty()) config.type = settings.log_driver;
  if (config.type != settings.log_driver) return config;
  config.config.insert(settings.log_options.begin(), settings.log_options.end());
  if (asked.type.empty() && config.type == "json-file" && !config.config.contains("max-size")) {
    config.config["max-size"] = "20m";
    config.config.emplace("max-file", "5");
  }
  return config;
}

LogFileOptions parse_log_file_options(const api::LogConfig& config) {
  if (config.type == "json-file") return json_file_options(config.config);
  return local_options(config.config, config.type == "local" ? "" : "cache-");
}

void check_log_config(const api::LogConfig& config) {
  if (config.type == "none") return;
  check_mode(config.config);
  const Driver* driver = find_driver(config.type);
  if (driver == nullptr) refuse("logger: no log driver named '" + config.type + "' is registered");
  check_names(*driver, config.config);
  if (const std::string* disabled = find_value(config.config, "cache-disabled"))
    truth("cache-disabled", *disabled);
  parse_log_file_options(config);
  check_log_receiver(config);
}

std::string log_file_name(const Definition& definition) {
  const std::string& driver = definition.host_config.log_config.type;
  if (driver == "json-file") return definition.id.str() + "-json.log";
  if (driver == "local") return "local-logs/container.log";
  const Options& options = definition.host_config.log_config.config;
  const bool cached = is_sending_driver(driver) &&
                      !truth("cache-disabled", value_or(options, "cache-disabled", "false"));
  return cached ? "local-logs/cached.log" : "";
}

nlohmann::json log_document(const Definition& definition, const std::string& name,
                            const std::vector<std::string>& receivers) {
  const api::LogConfig& config = definition.host_config.log_config;
  nlohmann::json document{{"driver", config.type}};
  if (config.type == "none") return document;
  const LogFileOptions file = parse_log_file_options(config);
  document["file"] = log_file_name(definition);
  document["max_size"] = file.max_size;
  document["max_file"] = file.max_file;
  document["compress"] = file.compress;
  document["attrs"] = log_attributes(definition, name);
  if (is_sending_driver(config.type))
    document["receiver"] = receiver_document(definition, name, receivers);
  return document;
}

}  // namespace berth::container
