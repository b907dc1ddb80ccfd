#include "daemon/config_options.hpp"

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

std::pair<std::string, std::string> split_pair(const std::string& option, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    refuse("invalid value \"" + text + "\" of --" + option + ": must be NAME=VALUE");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

ParsedOption log_options(std::map<std::string, std::string>& target) {
  return {
      [&target](const std::vector<std::string>& values) {
        for (const std::string& value : values)
          target.insert_or_assign(split_pair("log-opt", value).first,
                                  split_pair("log-opt", value).second);
      },
      [&target](const json& value) { target = value.get<std::map<std::string, std::string>>(); },
      [&target] { return json(target); }};
}

/// nofile=1024:2048, or one number for both.
std::pair<std::string, UlimitOption> parse_ulimit(const std::string& text) {
  const auto [name, limits] = split_pair("default-ulimit", text);
  const std::size_t colon = limits.find(':');
  const auto soft = parse_number<std::int64_t>(std::string_view(limits).substr(0, colon));
  const auto hard = colon == std::string::npos
                        ? soft
                        : parse_number<std::int64_t>(std::string_view(limits).substr(colon + 1));
  if (!soft || !hard) {
    refuse("invalid value \"" + text + "\" of --default-ulimit: must be like nofile=1024:2048");
  }
  return {name, {*soft, *hard}};
}

ParsedOption ulimits(std::map<std::string, UlimitOption>& target) {
  return {[&target](const std::vector<std::string>& values) {
            for (const std::string& value : values) {
              const auto [name, limits] = parse_ulimit(value);
              target[name] = limits;
            }
          },
          [&target](const json& value) {
            for (const auto& [name, limits] : value.items()) {
              const auto soft = limits.at("Soft").get<std::int64_t>();
              target[name] = {soft, limits.at("Hard").get<std::int64_t>()};
            }
          },
          [&target] {
            json value = json::object();
            for (const auto& [name, limits] : target)
              value[name] = {{"Name", name}, {"Soft", limits.soft}, {"Hard", limits.hard}};
            return value;
          }};
}

/// --add-runtime NAME=PATH; in the file {"NAME": {"path": ..., "runtimeArgs": [...]}}.
ParsedOption runtimes(std::map<std::string, RuntimeOption>& target) {
  return {[&target](const std::vector<std::string>& values) {
            for (const std::string& value : values) {
              const auto [name, path] = split_pair("add-runtime", value);
              target[name] = {path, {}};
            }
          },
          [&target](const json& value) {
            for (const auto& [name, runtime] : value.items()) {
              target[name] = {runtime.at("path").get<std::string>(),
                              runtime.value("runtimeArgs", std::vector<std::string>{})};
            }
          },
          [&target] {
            json value = json::object();
            for (const auto& [name, runtime] : target)
              value[name] = {{"path", runtime.path}, {"runtimeArgs", runtime.args}};
            return value;
          }};
}

/// base=172.80.0.0/16,size=24
AddressPoolOption parse_pool(const std::string& text) {
  AddressPoolOption pool;
  for (const std::string_view part : split(text, ',')) {
    const auto [name, value] = split_pair("default-address-pool", std::string(part));
    if (name == "base") {
      pool.base = value;
    } else if (name == "size") {
      pool.size = parse_number<int>(value).value_or(-1);
    } else {
      refuse("invalid value \"" + text +
             "\" of --default-address-pool: must be like base=172.80.0.0/16,size=24");
    }
  }
  return pool;
}

ParsedOption address_pools(std::vector<AddressPoolOption>& target) {
  return {[&target](const std::vector<std::string>& values) {
            for (const std::string& value : values)
              target.push_back(parse_pool(value));
          },
          [&target](const json& value) {
            for (const json& pool : value)
              target.push_back({pool.at("base").get<std::string>(), pool.at("size").get<int>()});
          },
          [&target] {
            json value = json::array();
            for (const AddressPoolOption& pool : target)
              value.push_back({{"base", pool.base}, {"size", pool.size}});
            return value;
          }};
}

std::vector<ConfigOption> daemon_options(Config& config) {
  return {
      {"-H,--host", "hosts", &config.hosts, "Where to listen: unix://PATH, tcp://HOST:PORT, fd://"},
      {"--data-root", "data-root", &config.data_root, "Where images and containers are kept"},
      {"--exec-root", "exec-root", &config.exec_root, "Where running containers' sockets are"},
      {"-p,--pidfile", "pidfile", &config.pidfile, "File to write the process number to"},
      {"-G,--group", "group", &config.group, "Group that may use the Unix sockets"},
      {"-l,--log-level", "log-level", &config.log_level, "debug, info, warn, error or fatal", true},
      {"--experimental", "experimental", &config.experimental,
       "Tell clients to offer experimental commands (checkpoints)"},
      {"-D,--debug", "debug", &config.debug, "Log at level debug", true},
      {"--label", "labels", &config.labels, "Label of this daemon, KEY=VALUE", true},
      {"--shutdown-timeout", "shutdown-timeout", &config.shutdown_timeout,
       "Seconds that answers under way may take at the end", true},
      {"--live-restore", "live-restore", &config.live_restore,
       "Containers outlive the daemon; always on"},
      {"--allow-plain-tcp", "allow-plain-tcp", &config.allow_plain_tcp,
       "Allow tcp:// on other than loopback addresses: who reaches it is root on this host"},
      {"--tls", "tls", &config.tls, "Use TLS; not supported yet"},
      {"--tlsverify", "tlsverify", &config.tls_verify, "Use TLS; not supported yet"},
      {"--tlscacert", "tlscacert", &config.tls_ca_certificate, "Use TLS; not supported yet"},
      {"--tlscert", "tlscert", &config.tls_certificate, "Use TLS; not supported yet"},
      {"--tlskey", "tlskey", &config.tls_key, "Use TLS; not supported yet"},
  };
}

std::vector<ConfigOption> network_options(Config& config) {
  return {
      {"-b,--bridge", "bridge", &config.bridge, "Bridge of the default network"},
      {"--bip", "bip", &config.bip, "Address of the bridge, such as 172.17.0.1/16"},
      {"--fixed-cidr", "fixed-cidr", &config.fixed_cidr,
       "Part of the subnet that containers get addresses from"},
      {"--default-gateway", "default-gateway", &config.default_gateway, "Gateway of containers"},
      {"--mtu", "mtu", &config.mtu, "MTU of the default network"},
      {"--ip", "ip", &config.ip, "Host address on which ports are published by default"},
      {"--iptables", "iptables", &config.iptables, "Write packet filter rules"},
      {"--ip-forward", "ip-forward", &config.ip_forward, "Switch forwarding on in the kernel"},
      {"--ip-masq", "ip-masq", &config.ip_masq, "Masquerade the containers' addresses"},
      {"--icc", "icc", &config.icc, "Let containers reach each other"},
      {"--userland-proxy", "userland-proxy", &config.userland_proxy,
       "Forward published ports from loopback addresses; always on"},
      {"--default-address-pool", "default-address-pools",
       address_pools(config.default_address_pools),
       "Where networks get their subnets from: base=172.80.0.0/16,size=24"},
      {"--dns", "dns", &config.dns, "Name server of containers"},
      {"--dns-search", "dns-search", &config.dns_search, "Search domain of containers"},
      {"--dns-opt", "dns-opts", &config.dns_options, "Resolver option of containers"},
  };
}

std::vector<ConfigOption> container_options(Config& config) {
  return {
      {"-s,--storage-driver", "storage-driver", &config.storage_driver,
       "overlay2 or vfs; empty: the best that works"},
      {"--storage-opt", "storage-opts", &config.storage_options, "Storage driver option"},
      {"--cgroup-parent", "cgroup-parent", &config.cgroup_parent, "Parent of containers' cgroups"},
      {"--exec-opt", "exec-opts", &config.exec_options, "native.cgroupdriver=cgroupfs"},
      {"--add-runtime", "runtimes", runtimes(config.runtimes),
       "OCI runtime that containers may ask for, NAME=PATH"},
      {"--default-runtime", "default-runtime", &config.default_runtime,
       "Runtime of containers that ask for none"},
      {"--log-driver", "log-driver", &config.log_driver, "Default log driver of containers"},
      {"--log-opt", "log-opts", log_options(config.log_options),
       "Default log driver option, NAME=VALUE"},
      {"--default-ulimit", "default-ulimits", ulimits(config.default_ulimits),
       "Default ulimit of containers, NAME=SOFT[:HARD]"},
      {"--default-shm-size", "default-shm-size", &config.default_shm_size, "Size of /dev/shm"},
      {"--default-ipc-mode", "default-ipc-mode", &config.default_ipc_mode,
       "IpcMode of containers that ask for none: private or shareable"},
      {"--default-cgroupns-mode", "default-cgroupns-mode", &config.default_cgroupns_mode,
       "CgroupnsMode of containers that ask for none: private or host"},
      {"--init", "init", &config.init,
       "Run an init in containers, which forwards signals and reaps processes"},
      {"--init-path", "init-path", &config.init_path, "That init, in place of berth-init"},
      {"--seccomp-profile", "seccomp-profile", &config.seccomp_profile,
       "Seccomp profile (JSON) in place of the built-in one"},
      {"--userns-remap", "userns-remap", &config.userns_remap,
       "User (USER[:GROUP] or \"default\") whose subordinate ids containers have"},
      {"--no-new-privileges", "no-new-privileges", &config.no_new_privileges,
       "Default of no-new-privileges"},
      {"--insecure-registry", "insecure-registries", &config.insecure_registries,
       "Registry, or network of registries, that may be used without TLS"},
      {"--registry-mirror", "registry-mirrors", &config.registry_mirrors, "Mirror of Docker Hub"},
      {"--http-proxy", "http-proxy", &config.http_proxy,
       "Proxy for plain HTTP, in place of the environment's HTTP_PROXY"},
      {"--https-proxy", "https-proxy", &config.https_proxy,
       "Proxy for HTTPS, in place of the environment's HTTPS_PROXY"},
      {"--no-proxy", "no-proxy", &config.no_proxy,
       "Hosts without a proxy, in place of the environment's NO_PROXY"},
      {"--max-concurrent-downloads", "max-concurrent-downloads", &config.max_concurrent_downloads,
       "Layers downloaded at a time"},
      {"--max-concurrent-uploads", "max-concurrent-uploads", &config.max_concurrent_uploads,
       "Layers uploaded at a time"},
      {"--max-download-attempts", "max-download-attempts", &config.max_download_attempts,
       "How often a download is tried"},
  };
}

}  // namespace

std::vector<ConfigOption> config_options(Config& config) {
  std::vector<ConfigOption> options = daemon_options(config);
  for (auto* more : {&network_options, &container_options}) {
    for (ConfigOption& option : more(config))
      options.push_back(std::move(option));
  }
  return options;
}

void assign(const ConfigOption& option, const json& value) {
  try {
    if (const auto* parsed = std::get_if<ParsedOption>(&option.target)) {
      parsed->from_file(value);
    } else if (auto* const* path = std::get_if<std::filesystem::path*>(&option.target)) {
      **path = value.get<std::string>();
    } else if (auto* const* text = std::get_if<std::string*>(&option.target)) {
      **text = value.get<std::string>();
    } else if (auto* const* flag = std::get_if<bool*>(&option.target)) {
      **flag = value.get<bool>();
    } else if (auto* const* number = std::get_if<int*>(&option.target)) {
      if (!value.is_number_integer()) refuse("");
      **number = value.get<int>();
    } else {
      *std::get<std::vector<std::string>*>(option.target) = value.get<std::vector<std::string>>();
    }
  } catch (const std::exception&) {
    refuse("the key \"" + option.key + "\" has a value of the wrong type or form: " + value.dump());
  }
}

json value_of(const ConfigOption& option) {
  const auto value = [](const auto& target) -> json {
    if constexpr (std::is_same_v<std::decay_t<decltype(target)>, ParsedOption>) {
      return target.value();
    } else if constexpr (std::is_same_v<std::decay_t<decltype(target)>, std::filesystem::path*>) {
      return target->native();
    } else {
      return *target;
    }
  };
  return std::visit(value, option.target);
}

}  // namespace berth
