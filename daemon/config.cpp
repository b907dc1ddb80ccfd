#include "daemon/config.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/config_options.hpp"

namespace berth {

namespace {

using nlohmann::json;

constexpr const char* kDefaultHost = "unix:///var/run/berth.sock";

/// dockerd's keys that Berth does not have; saying "no" to them is fine.
constexpr std::array<std::string_view, 25> kUnsupported = {"allow-nondistributable-artifacts",
                                                           "api-cors-header",
                                                           "authorization-plugins",
                                                           "bip6",
                                                           "bridge-accept-fwmark",
                                                           "builder",
                                                           "cdi-spec-dirs",
                                                           "containerd",
                                                           "containerd-namespace",
                                                           "containerd-plugins-namespace",
                                                           "cpu-rt-period",
                                                           "cpu-rt-runtime",
                                                           "default-gateway-v6",
                                                           "default-network-opts",
                                                           "features",
                                                           "fixed-cidr-v6",
                                                           "host-gateway-ip",
                                                           "ip6tables",
                                                           "ipv6",
                                                           "metrics-addr",
                                                           "oom-score-adjust",
                                                           "raw-logs",
                                                           "selinux-enabled"};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

bool says_no(const json& value) {
  return value.is_null() || value == false || value == 0 ||
         (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

void add_flag(CLI::App& app, const ConfigOption& option) {
  const auto add = [&](const auto& target) {
    using Target = std::decay_t<decltype(target)>;
    if constexpr (std::is_same_v<Target, ParsedOption>) {
      app.add_option_function<std::vector<std::string>>(option.flags, target.from_flags,
                                                        option.help)
          ->allow_extra_args(false);
    } else if constexpr (std::is_same_v<Target, bool*>) {
      app.add_flag(option.flags, *target, option.help);
    } else if constexpr (std::is_same_v<Target, std::vector<std::string>*>) {
      app.add_option(option.flags, *target, option.help)->allow_extra_args(false);
    } else {
      // The last one counts, as with Go's flags.
      app.add_option(option.flags, *target, option.help)
          ->capture_default_str()
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  };
  std::visit(add, option.target);
}

json parse_file(const Config& config) {
  const std::string text = read_file(config.config_file);
  const std::string named = "the configuration file \"" + config.config_file.native() + "\"";
  // An empty file is as good as none.
  if (trim(text).empty()) return json::object();
  try {
    json file = json::parse(text);
    if (!file.is_object()) refuse(named + " is not a JSON object");
    return file;
  } catch (const json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    refuse(named + " is not JSON: error in line " +
           std::to_string(1 + std::count(text.begin(), end, '\n')));
  }
}

/// The keys of "proxies" are options as all others are, one level up.
json without_groups(json file) {
  const auto group = file.find("proxies");
  if (group == file.end()) return file;
  const json proxies = std::move(*group);
  file.erase(group);
  if (proxies.is_null()) return file;
  if (!proxies.is_object()) refuse("\"proxies\" of the configuration file must be an object");
  for (const auto& [key, value] : proxies.items()) {
    if (key != "http-proxy" && key != "https-proxy" && key != "no-proxy") {
      refuse("the key \"" + key +
             "\" in \"proxies\" of the configuration file must be http-proxy, https-proxy or "
             "no-proxy");
    }
    file[key] = value;
  }
  return file;
}

void apply_file(Config& config, const json& file, const std::set<std::string>& given) {
  std::vector<std::string> unknown;
  std::vector<std::string> conflicts;
  const std::vector<ConfigOption> options = config_options(config);
  for (const auto& [key, value] : file.items()) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const ConfigOption& each) { return each.key == key; });
    if (found != options.end() && !given.contains(key)) {
      assign(*found, value);
    } else if (found != options.end()) {
      conflicts.push_back(key + ": (from flag: " + value_of(*found).dump() +
                          ", from file: " + value.dump() + ")");
    } else if (std::find(kUnsupported.begin(), kUnsupported.end(), key) == kUnsupported.end()) {
      unknown.push_back(key);
    } else if (!says_no(value)) {
      refuse("the key \"" + key + "\" of the configuration file is not supported yet");
    }
  }
  if (!unknown.empty()) {
    refuse("the following directives don't match any configuration option: " + join(unknown, ", "));
  }
  if (!conflicts.empty()) {
    refuse("the following directives are specified both as a flag and in the configuration file: " +
           join(conflicts, ", "));
  }
  config.group_given = given.contains("group") || file.contains("group");
}

void complete(Config& config) {
  if (config.hosts.empty()) config.hosts = {kDefaultHost};
  std::replace(config.hosts.begin(), config.hosts.end(), std::string("unix://"),
               std::string(kDefaultHost));
  if (config.debug) config.log_level = "debug";
}

/// The parsing and all behind it; CLI11's own exceptions leave it for help and version.
Config parse(CLI::App& app, const std::vector<std::string>& flags) {
  Config config;
  app.set_version_flag("-v,--version", std::string("Berth version ") + BERTH_VERSION);
  app.add_option("--config-file", config.config_file, "Configuration file")->capture_default_str();
  app.add_flag("--validate", config.validate_only, "Check the configuration and exit");
  const std::vector<ConfigOption> options = config_options(config);
  for (const ConfigOption& option : options)
    add_flag(app, option);
  std::vector<std::string> reversed(flags.rbegin(), flags.rend());  // as CLI11 wants it
  app.parse(std::move(reversed));

  std::set<std::string> given;
  for (const ConfigOption& option : options) {
    const std::string longest = option.flags.substr(option.flags.find("--"));
    if (app.count(longest) > 0) given.insert(option.key);
  }
  if (std::filesystem::exists(config.config_file)) {
    apply_file(config, without_groups(parse_file(config)), given);
  } else if (app.count("--config-file") > 0) {
    refuse("the configuration file \"" + config.config_file.native() + "\" does not exist");
  } else {
    config.group_given = given.contains("group");
  }
  config.flags = flags;
  complete(config);
  check_config(config);
  return config;
}

}  // namespace

Config read_config(const std::vector<std::string>& flags) {
  CLI::App app("A container engine with the Docker Engine API.", "berthd");
  try {
    return parse(app, flags);
  } catch (const CLI::Error& error) {
    refuse(error.what());
  }
}

Config read_config(int argc, const char* const* argv) {
  CLI::App app("A container engine with the Docker Engine API.", "berthd");
  try {
    return parse(app, {argv + 1, argv + argc});
  } catch (const CLI::Success& done) {
    std::exit(app.exit(done));
  } catch (const CLI::Error& error) {
    refuse(error.what());
  }
}

std::vector<std::string> take_reloadable(Config& current, const Config& fresh) {
  Config other = fresh;
  const std::vector<ConfigOption> mine = config_options(current);
  const std::vector<ConfigOption> theirs = config_options(other);
  std::vector<std::string> waiting;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const json value = value_of(theirs[i]);
    if (value == value_of(mine[i])) continue;
    if (mine[i].reloadable) {
      assign(mine[i], value);
    } else {
      waiting.push_back(mine[i].key);
    }
  }
  return waiting;
}

}  // namespace berth
