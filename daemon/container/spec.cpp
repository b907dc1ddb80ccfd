#include "daemon/container/spec.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/container/apparmor.hpp"
#include "daemon/container/devices.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/resources.hpp"
#include "daemon/container/security_options.hpp"
#include "daemon/container/spec_defaults.hpp"

namespace berth::container {

namespace {

using nlohmann::json;

template <typename Array>
json text_list(const Array& texts) {
  json list = json::array();
  for (const auto& text : texts)
    list.push_back(text);
  return list;
}

/// PATH, HOSTNAME and TERM first, so that the image's and the user's values come after and win.
std::vector<std::string> environment(const SpecInput& input) {
  const api::ContainerConfig& config = input.definition.config;
  std::vector<std::string> base = {"PATH=" + std::string(kDefaultPath),
                                   "HOSTNAME=" + input.hostname};
  if (config.tty) base.emplace_back("TERM=xterm");
  std::vector<std::string> result;
  const auto put = [&](const std::string& entry) {
    const std::size_t equals = entry.find('=');
    const std::string key = entry.substr(0, equals == std::string::npos ? equals : equals + 1);
    const auto same = std::find_if(result.begin(), result.end(), [&](const std::string& other) {
      return other.starts_with(key);
    });
    if (equals == std::string::npos) {
      // "NAME" without a value takes the variable away.
      std::erase_if(result,
                    [&](const std::string& other) { return other.starts_with(entry + "="); });
    } else if (same != result.end()) {
      *same = entry;
    } else {
      result.push_back(entry);
    }
  };
  std::for_each(base.begin(), base.end(), put);
  std::for_each(config.env.begin(), config.env.end(), put);
  return result;
}

json rlimits(const SpecInput& input) {
  std::map<std::string, api::Ulimit> wanted = input.settings.ulimits;
  for (const api::Ulimit& limit : input.definition.host_config.resources.ulimits)
    wanted[limit.name] = limit;
  json limits = json::array();
  for (const auto& [key, limit] : wanted) {
    std::string name = "RLIMIT_" + limit.name;
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    const auto value = [](std::int64_t number) {
      return number < 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(number);
    };
    limits.push_back({{"type", name}, {"soft", value(limit.soft)}, {"hard", value(limit.hard)}});
  }
  return limits;
}

std::vector<std::string> program(const SpecInput& input) {
  std::vector<std::string> arguments = process_arguments(input.definition.config);
  if (has_init(input.definition.host_config, input.settings)) {
    const std::initializer_list<std::string> init = {std::string(kInitPath), "--"};
    arguments.insert(arguments.begin(), init);
  }
  return arguments;
}

json namespaces(const SpecInput& input) {
  const api::HostConfig& host_config = input.definition.host_config;
  json list = json::array();
  list.push_back({{"type", "mount"}});
  const auto add = [&](const char* type, const std::string& mode, int joined, const char* file) {
    if (joined > 0) {
      list.push_back({{"type", type}, {"path", namespace_path(joined, file)}});
    } else if (mode != "host") {
      list.push_back({{"type", type}});
    }
  };
  add("pid", host_config.pid_mode, input.joined.pid, "pid");
  add("uts", host_config.uts_mode, 0, "uts");
  add("ipc", host_config.ipc_mode, input.joined.ipc, "ipc");
  add("cgroup", host_config.cgroupns_mode, 0, "cgroup");
  add("network", host_config.network_mode, input.joined.network, "net");
  if (has_user_namespace(host_config, input.settings.user_mapping))
    add("user", "", input.joined.user, "user");
  return list;
}

json sysctls(const SpecInput& input) {
  const api::HostConfig& host_config = input.definition.host_config;
  json result = json::object();
  const bool own_network = host_config.network_mode != "host" && input.joined.network == 0;
  if (own_network && !host_config.privileged) {
    // What a process may do without a capability in its own network harms nobody: ports below 1024
    // and ping.
    result["net.ipv4.ip_unprivileged_port_start"] = "0";
    // Groups that are not mapped cannot be in the range.
    if (!has_user_namespace(host_config, input.settings.user_mapping))
      result["net.ipv4.ping_group_range"] = "0 2147483647";
  }
  for (const auto& [key, value] : host_config.sysctls)
    result[key] = value;
  return result;
}

json linux_part(const SpecInput& input) {
  const api::HostConfig& host_config = input.definition.host_config;
  const SecurityOptions security = parse_security_options(host_config.security_opt);
  json result{{"namespaces", namespaces(input)},
              {"cgroupsPath", cgroups_path(input.definition, input.settings)},
              {"resources", oci_resources(host_config.resources)},
              {"sysctl", sysctls(input)}};
  if (has_user_namespace(host_config, input.settings.user_mapping)) {
    result["uidMappings"] = to_json(input.settings.user_mapping.uids);
    result["gidMappings"] = to_json(input.settings.user_mapping.gids);
  }
  result["resources"]["devices"] = device_rules(host_config);
  if (const json nodes = device_nodes(host_config); !nodes.empty()) result["devices"] = nodes;
  if (!host_config.privileged && !security.system_paths_unconfined) {
    result["maskedPaths"] =
        host_config.masked_paths ? text_list(*host_config.masked_paths) : text_list(kMaskedPaths);
    result["readonlyPaths"] = host_config.readonly_paths ? text_list(*host_config.readonly_paths)
                                                         : text_list(kReadonlyPaths);
  }
  return result;
}

}  // namespace

std::string namespace_path(int process, std::string_view file) {
  return "/proc/" + std::to_string(process) + "/ns/" + std::string(file);
}

bool has_init(const api::HostConfig& host_config, const Settings& settings) {
  return host_config.pid_mode.empty() && host_config.init.value_or(settings.init);
}

std::vector<std::string> process_arguments(const api::ContainerConfig& config) {
  std::vector<std::string> arguments = config.entrypoint.value_or(std::vector<std::string>{});
  arguments.insert(arguments.end(), config.cmd.begin(), config.cmd.end());
  return arguments;
}

std::string cgroups_path(const Definition& definition, const Settings& settings) {
  std::string parent = definition.host_config.resources.cgroup_parent.empty()
                           ? settings.cgroup_parent
                           : definition.host_config.resources.cgroup_parent;
  if (!parent.starts_with('/')) parent.insert(0, "/");
  return parent + "/" + definition.id.str();
}

json build_process(const SpecInput& input) {
  const api::ContainerConfig& config = input.definition.config;
  const api::HostConfig& host_config = input.definition.host_config;
  const SecurityOptions security = parse_security_options(host_config.security_opt);
  const std::vector<std::string> capabilities = effective_capabilities(host_config);
  json user{{"uid", 0}, {"gid", 0}};
  if (!config.user.empty()) user["username"] = config.user;
  if (!host_config.group_add.empty()) user["additionalGroups"] = host_config.group_add;
  json result{
      {"terminal", config.tty},
      {"user", user},
      {"args", program(input)},
      {"env", environment(input)},
      {"cwd", config.working_dir.empty() ? "/" : config.working_dir},
      // Nothing inheritable and nothing ambient: CVE-2022-24769.
      {"capabilities",
       {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
      {"noNewPrivileges", security.no_new_privileges.value_or(input.settings.no_new_privileges)}};
  if (const json limits = rlimits(input); !limits.empty()) result["rlimits"] = limits;
  // Always said: the daemon may run with an adjustment of its own, which would be inherited.
  result["oomScoreAdj"] = host_config.oom_score_adj;
  const std::string profile = apparmor_profile(host_config, input.settings.apparmor);
  if (!profile.empty()) result["apparmorProfile"] = profile;
  if (config.tty && host_config.console_size[0] > 0) {
    result["consoleSize"] = {{"height", host_config.console_size[0]},
                             {"width", host_config.console_size[1]}};
  }
  return result;
}

json build_spec(const SpecInput& input) {
  const api::ContainerConfig& config = input.definition.config;
  const api::HostConfig& host_config = input.definition.host_config;
  json spec{{"ociVersion", "1.2.0"},
            {"process", build_process(input)},
            {"root", {{"path", "rootfs"}, {"readonly", host_config.readonly_rootfs}}},
            {"mounts", oci_mounts(input)},
            {"linux", linux_part(input)}};
  if (host_config.uts_mode != "host") spec["hostname"] = input.hostname;
  if (!config.domainname.empty()) spec["domainname"] = config.domainname;
  if (!host_config.annotations.empty()) spec["annotations"] = host_config.annotations;
  return spec;
}

}  // namespace berth::container
