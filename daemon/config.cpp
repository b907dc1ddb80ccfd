#include "daemon/config.hpp"

#include <functional>
#include <iostream>
#include <set>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

void set(std::string& target, const json& value) {
  target = value.get<std::string>();
}
void set(std::filesystem::path& target, const json& value) {
  target = value.get<std::string>();
}
void set(bool& target, const json& value) {
  target = value.get<bool>();
}
void set(int& target, const json& value) {
  target = value.get<int>();
}
void set(std::vector<std::string>& target, const json& value) {
  target = value.get<std::vector<std::string>>();
}
void set(std::map<std::string, std::string>& target, const json& value) {
  target = value.get<std::map<std::string, std::string>>();
}

/// One option: the flag's name without dashes, daemon.json's key, and where the value goes.
struct Option {
  std::string flag;  // empty: in the file only
  std::string key;
  std::function<void(const json&)> assign;
};

template <typename Member>
Option option(std::string flag, std::string key, Member& member) {
  return {std::move(flag), std::move(key), [&member](const json& value) { set(member, value); }};
}

std::vector<Option> file_options(Config& config) {
  return {option("host", "hosts", config.hosts),
          option("data-root", "data-root", config.data_root),
          option("exec-root", "exec-root", config.exec_root),
          option("pidfile", "pidfile", config.pidfile),
          option("group", "group", config.group),
          option("log-level", "log-level", config.log_level),
          option("debug", "debug", config.debug),
          option("allow-plain-tcp", "allow-plain-tcp", config.allow_plain_tcp),
          option("label", "labels", config.labels),
          option("bridge", "bridge", config.bridge),
          option("bip", "bip", config.bip),
          option("fixed-cidr", "fixed-cidr", config.fixed_cidr),
          option("default-gateway", "default-gateway", config.default_gateway),
          option("mtu", "mtu", config.mtu),
          option("ip", "ip", config.ip),
          option("iptables", "iptables", config.iptables),
          option("ip-forward", "ip-forward", config.ip_forward),
          option("ip-masq", "ip-masq", config.ip_masq),
          option("icc", "icc", config.icc),
          option("dns", "dns", config.dns),
          option("dns-search", "dns-search", config.dns_search),
          option("dns-opt", "dns-opts", config.dns_options),
          option("storage-driver", "storage-driver", config.storage_driver),
          option("cgroup-parent", "cgroup-parent", config.cgroup_parent),
          option("log-driver", "log-driver", config.log_driver),
          option("log-opt", "log-opts", config.log_options),
          option("default-shm-size", "default-shm-size", config.default_shm_size),
          option("seccomp-profile", "seccomp-profile", config.seccomp_profile),
          option("no-new-privileges", "no-new-privileges", config.no_new_privileges),
          option("shutdown-timeout", "shutdown-timeout", config.shutdown_timeout),
          option("insecure-registry", "insecure-registries", config.insecure_registries),
          option("registry-mirror", "registry-mirrors", config.registry_mirrors),
          option("max-concurrent-downloads", "max-concurrent-downloads",
                 config.max_concurrent_downloads)};
}

/// Keys that ask for what Berth always does.
void check_always_true(const std::string& key, const json& value) {
  if (key == "live-restore" || key == "userland-proxy") {
    if (value.is_boolean() && value.get<bool>()) return;
    refuse("the key \"" + key +
           "\" cannot be switched off: containers never depend on the daemon, and "
           "loopback ports are forwarded by their shims");
  }
  refuse("the following directives don't match any configuration option: " + key);
}

void add_flags(CLI::App& app, Config& config, std::vector<std::string>& log_options) {
  app.add_option("-H,--host", config.hosts,
                 "Where to listen: unix://PATH, tcp://HOST:PORT or fd://");
  app.add_option("--config-file", config.config_file, "Configuration file")->capture_default_str();
  app.add_option("--data-root", config.data_root, "Where images and containers are kept")
      ->capture_default_str();
  app.add_option("--exec-root", config.exec_root, "Where sockets of running containers are")
      ->capture_default_str();
  app.add_option("-p,--pidfile", config.pidfile, "File to write the process number to");
  app.add_option("-G,--group", config.group, "Group that may use the Unix sockets")
      ->capture_default_str();
  app.add_option("-l,--log-level", config.log_level, "debug, info, warn, error or fatal")
      ->capture_default_str();
  app.add_flag("-D,--debug", config.debug, "Log at level debug");
  app.add_flag("--allow-plain-tcp", config.allow_plain_tcp,
               "Allow tcp:// on other than loopback addresses, where everybody who reaches it "
               "becomes root here");
  app.add_option("--label", config.labels, "Label of this daemon, KEY=VALUE");
  app.add_option("-b,--bridge", config.bridge, "Bridge of the default network")
      ->capture_default_str();
  app.add_option("--bip", config.bip, "Address of the bridge, such as 172.17.0.1/16");
  app.add_option("--fixed-cidr", config.fixed_cidr,
                 "Part of the subnet that containers get addresses from");
  app.add_option("--default-gateway", config.default_gateway, "Gateway of containers");
  app.add_option("--mtu", config.mtu, "MTU of the default network")->capture_default_str();
  app.add_option("--ip", config.ip, "Host address on which ports are published by default");
  app.add_option("--iptables", config.iptables, "Write packet filter rules")->capture_default_str();
  app.add_option("--ip-forward", config.ip_forward, "Switch forwarding on in the kernel")
      ->capture_default_str();
  app.add_option("--ip-masq", config.ip_masq, "Masquerade the containers' addresses")
      ->capture_default_str();
  app.add_option("--icc", config.icc, "Let containers reach each other")->capture_default_str();
  app.add_option("--dns", config.dns, "Name servers of containers");
  app.add_option("--dns-search", config.dns_search, "Search domains of containers");
  app.add_option("--dns-opt", config.dns_options, "Resolver options of containers");
  app.add_option("-s,--storage-driver", config.storage_driver,
                 "overlay2 or vfs; default: the best that works");
  app.add_option("--cgroup-parent", config.cgroup_parent, "Parent of containers' cgroups")
      ->capture_default_str();
  app.add_option("--log-driver", config.log_driver, "Default log driver of containers")
      ->capture_default_str();
  app.add_option("--log-opt", log_options, "Default log driver option, KEY=VALUE");
  app.add_option("--default-shm-size", config.default_shm_size, "Size of /dev/shm")
      ->capture_default_str();
  app.add_option("--seccomp-profile", config.seccomp_profile,
                 "Seccomp profile (JSON) in place of the built-in one");
  app.add_flag("--no-new-privileges", config.no_new_privileges, "Default of no-new-privileges");
  app.add_option("--shutdown-timeout", config.shutdown_timeout,
                 "Seconds that answers under way may take at the end")
      ->capture_default_str();
  app.add_option("--insecure-registry", config.insecure_registries,
                 "Registry that may be used without TLS");
  app.add_option("--registry-mirror", config.registry_mirrors, "Mirror of Docker Hub");
  app.add_option("--max-concurrent-downloads", config.max_concurrent_downloads,
                 "Layers downloaded at a time")
      ->capture_default_str();
  app.add_flag("--validate", config.validate_only, "Check the configuration and exit");
}

void check(const Config& config) {
  for (const auto* path : {&config.data_root, &config.exec_root}) {
    if (!path->is_absolute()) refuse("the path \"" + path->native() + "\" must be absolute");
  }
  if (config.mtu < 68 || config.mtu > 65535) {
    refuse("invalid mtu " + std::to_string(config.mtu) + ": must be from 68 to 65535");
  }
  if (config.max_concurrent_downloads < 1) {
    refuse("invalid max concurrent downloads: " + std::to_string(config.max_concurrent_downloads));
  }
  if (config.bridge.empty() || config.bridge.size() > 15) {
    refuse("invalid bridge name \"" + config.bridge + "\": must have 1 to 15 characters");
  }
  if (!config.bip.empty() && config.bip.find('/') == std::string::npos) {
    refuse("invalid bip \"" + config.bip + "\": must be like 172.17.0.1/16");
  }
  static const std::set<std::string_view> kDrivers = {"json-file", "none"};
  if (!kDrivers.contains(config.log_driver)) {
    refuse("unknown log driver \"" + config.log_driver + "\": must be json-file or none");
  }
  parse_memory_size(config.default_shm_size);
}

}  // namespace

void apply_config_file(Config& config, const std::string& text,
                       const std::vector<std::string>& given) {
  const json file = json::parse(text, nullptr, false);
  if (!file.is_object()) {
    refuse("the configuration file \"" + config.config_file.native() + "\" is not a JSON object");
  }
  const std::vector<Option> options = file_options(config);
  for (const auto& [key, value] : file.items()) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const Option& each) { return each.key == key; });
    if (found == options.end()) {
      check_always_true(key, value);
      continue;
    }
    if (std::find(given.begin(), given.end(), found->flag) != given.end()) {
      refuse(
          "the following directives are specified both as a flag and in the configuration file: " +
          key);
    }
    try {
      found->assign(value);
    } catch (const json::exception&) {
      refuse("the key \"" + key +
             "\" of the configuration file has a value of the wrong type: " + value.dump());
    }
    if (key == "group") config.group_given = true;
  }
}

Config read_config(int argc, char** argv) {
  Config config;
  std::vector<std::string> log_options;
  CLI::App app("A container engine with the Docker Engine API.", "berthd");
  app.set_version_flag("-v,--version", std::string("berthd ") + BERTH_VERSION);
  add_flags(app, config, log_options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    std::exit(app.exit(done));
  } catch (const CLI::ParseError& error) {
    refuse(error.what());
  }
  std::vector<std::string> given;
  for (const CLI::Option* each : app.get_options()) {
    if (each->count() > 0 && !each->get_lnames().empty())
      given.push_back(each->get_lnames().front());
  }
  const auto is_given = [&](const char* name) {
    return std::find(given.begin(), given.end(), name) != given.end();
  };
  config.group_given = is_given("group");
  for (const std::string& entry : log_options) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos)
      refuse("invalid log option \"" + entry + "\": must be KEY=VALUE");
    config.log_options[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  if (std::filesystem::exists(config.config_file)) {
    apply_config_file(config, read_file(config.config_file), given);
  } else if (is_given("config-file")) {
    refuse("the configuration file \"" + config.config_file.native() + "\" does not exist");
  }
  if (config.hosts.empty()) config.hosts = {"unix:///var/run/berth.sock"};
  if (config.debug) config.log_level = "debug";
  check(config);
  return config;
}

}  // namespace berth
