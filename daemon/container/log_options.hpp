// HostConfig.LogConfig, completed from the daemon's settings and parsed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/host_config.hpp"
#include "daemon/container/definition.hpp"
#include "daemon/container/settings.hpp"

namespace berth::container {

/// How a log is kept in files.
struct LogFileOptions {
  std::int64_t max_size = -1;  // bytes of a file; -1 is without a bound
  int max_file = 1;
  bool compress = false;  // those that were rotated away
};

/// Fills in driver and options where the request names none, or names the daemon's own driver. A
/// container that asks for nothing gets a bounded log: five files of 20 MB.
api::LogConfig complete_log_config(const api::LogConfig& asked, const Settings& settings);

/// Throws Error{kInvalidArgument} for an unknown driver, options that it does not know, and values
/// that are none, in the words of other engines.
void check_log_config(const api::LogConfig& config);

/// Throws as check_log_config().
LogFileOptions parse_log_file_options(const api::LogConfig& config);

/// What every line of the container's log tells besides (`logs --details`): the labels and
/// variables that the options labels, labels-regex, env and env-regex choose, and the tag. Throws
/// Error{kInvalidArgument} for expressions and templates that cannot be.
std::map<std::string, std::string> log_attributes(const Definition& definition,
                                                  const std::string& name);

/// The tag by which a receiver knows the container: its short id, or as the option "tag" says.
/// Throws as log_attributes().
std::string log_tag(const Definition& definition, const std::string& name);

/// The log's file in the container's folder; "" for a driver without one. A driver that sends has
/// one, too, unless the option cache-disabled is set: `logs` reads that.
std::string log_file_name(const Definition& definition);

/// The "log" part of the launch document; `receivers` are the addresses for a driver that sends.
nlohmann::json log_document(const Definition& definition, const std::string& name,
                            const std::vector<std::string>& receivers);

}  // namespace berth::container
