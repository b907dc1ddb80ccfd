// The list of all options: the one place that names flags and keys. Private to the configuration.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/config.hpp"

namespace berth {

/// A value that flags write in another form than the file does.
struct ParsedOption {
  std::function<void(const std::vector<std::string>& values)> from_flags;
  std::function<void(const nlohmann::json& value)> from_file;
  std::function<nlohmann::json()> value;
};

using OptionTarget = std::variant<std::string*, std::filesystem::path*, bool*, int*,
                                  std::vector<std::string>*, ParsedOption>;

struct ConfigOption {
  std::string flags;  // as CLI11 wants them: "-H,--host"
  std::string key;    // in daemon.json
  OptionTarget target;
  std::string help;
  bool reloadable = false;
};

/// The options, bound to the members of `config`.
std::vector<ConfigOption> config_options(Config& config);

/// Takes the file's value. Throws Error{kInvalidArgument} for a wrong type.
void assign(const ConfigOption& option, const nlohmann::json& value);

/// The present value, as the file would write it.
nlohmann::json value_of(const ConfigOption& option);

/// Throws Error{kInvalidArgument} for values that cannot be, or cannot be together.
void check_config(const Config& config);

}  // namespace berth
