// HostConfig.LogConfig, completed from the daemon's settings and parsed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "api/host_config.hpp"
#include "daemon/container/definition.hpp"
#include "daemon/container/settings.hpp"

namespace berth::container {

struct LogOptions {
  std::string driver;
  std::int64_t max_size = -1;  // bytes; -1 is without a bound
  int max_file = 1;
  bool compress = false;
};

/// Fills in driver and options where the request names no driver. A container that asks for nothing
/// gets a bounded log: five files of 20 MB.
api::LogConfig complete_log_config(const api::LogConfig& asked, const Settings& settings);

/// Throws Error{kInvalidArgument} for values that are no sizes and numbers.
LogOptions parse_log_options(const api::LogConfig& config);

/// What every line of the container's log tells besides (`logs --details`): the labels and
/// variables that the options labels, labels-regex, env and env-regex choose, and the tag. Throws
/// Error{kInvalidArgument} for expressions and templates that cannot be.
std::map<std::string, std::string> log_attributes(const Definition& definition,
                                                  const std::string& name);

/// The "log" part of the launch document, for the file named.
nlohmann::json log_document(const LogOptions& options, const std::string& file,
                            const std::map<std::string, std::string>& attributes);

}  // namespace berth::container
