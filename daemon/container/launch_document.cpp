#include "daemon/container/launch_document.hpp"

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/security_options.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/seccomp/seccomp.hpp"

namespace berth::container {

namespace {

using nlohmann::json;

constexpr std::string_view kUnconfined = "unconfined";

/// JSON text, kUnconfined, or empty for the built-in profile.
std::string seccomp_profile(const Settings& settings, const api::HostConfig& host_config) {
  const SecurityOptions security = parse_security_options(host_config.security_opt);
  if (host_config.privileged || security.seccomp_unconfined) return std::string(kUnconfined);
  if (security.seccomp_builtin || !security.seccomp_profile.empty())
    return security.seccomp_profile;
  return settings.seccomp_profile;
}

/// linux.seccomp, for a runtime that compiles its filter itself; null for none.
json seccomp_document(const Services& services, const api::HostConfig& host_config) {
  const std::string profile = seccomp_profile(services.settings, host_config);
  if (profile == kUnconfined) return nullptr;
  const auto capabilities = effective_capabilities(host_config);
  return profile.empty() ? seccomp::default_profile(capabilities)
                         : seccomp::resolve_profile(seccomp::decode_profile(profile), capabilities);
}

/// What Berth's own runtime alone can do.
void check_foreign_runtime(const Joins& joins) {
  if (!joins.ipc) return;
  throw Error(ErrorKind::kInvalidArgument,
              "only the runtime \"" + std::string(kOwnRuntime) +
                  "\" can share another container's /dev/shm: use another IpcMode");
}

/// Adds what a runtime other than Berth's own needs.
void use_runtime(const Services& services, const Container& container, json& document) {
  const api::HostConfig& host_config = container.definition.host_config;
  const auto runtime = services.settings.runtimes.find(host_config.runtime);
  if (runtime == services.settings.runtimes.end()) {
    throw Error(ErrorKind::kInvalidArgument,
                "unknown or invalid runtime name: " + host_config.runtime);
  }
  document["runtime"] = {{"name", runtime->first},
                         {"path", runtime->second.path},
                         {"args", runtime->second.args},
                         {"root", services.settings.runtime_root(runtime->first)}};
  if (json seccomp = seccomp_document(services, host_config); !seccomp.is_null())
    document["oci"]["linux"]["seccomp"] = std::move(seccomp);
}

json forward_document(const network::Reservation& reservation) {
  json list = json::array();
  for (std::size_t i = 0; i < reservation.listeners.size(); ++i) {
    const network::Listener& listener = reservation.listeners[i];
    list.push_back({{"fd", i},
                    {"proto", network::to_string(listener.port.protocol)},
                    {"container_ip", reservation.endpoint.address},
                    {"container_port", listener.port.container_port}});
  }
  return list;
}

}  // namespace

std::vector<std::byte> seccomp_filter(Services& services, const api::HostConfig& host_config) {
  const std::string profile = seccomp_profile(services.settings, host_config);
  if (profile == kUnconfined) return {};
  const auto capabilities = effective_capabilities(host_config);
  std::string key = profile;
  for (const std::string& name : capabilities)
    key += " " + name;
  const auto known = services.seccomp_filters.find(key);
  if (known != services.seccomp_filters.end()) return known->second;
  auto filter = profile.empty()
                    ? seccomp::compile_default(capabilities)
                    : seccomp::compile_profile(seccomp::decode_profile(profile), capabilities);
  // A client that sends ever new profiles must not make the daemon grow.
  constexpr std::size_t kMostFilters = 64;
  if (services.seccomp_filters.size() >= kMostFilters) services.seccomp_filters.clear();
  services.seccomp_filters[key] = filter;
  return filter;
}

shim::LaunchRequest launch_request(Services& services, const Container& container,
                                   const Joins& joins, network::Reservation& reservation,
                                   LaunchExtras extras) {
  const Definition& definition = container.definition;
  const std::string& id = container.id().str();
  SpecInput input{definition,
                  services.settings,
                  services.settings.container_folder(id),
                  definition.config.hostname,
                  {}};
  const auto pid_of = [](const ContainerPtr& joined) { return joined ? joined->state.pid : 0; };
  input.joined = {pid_of(joins.network), pid_of(joins.pid), pid_of(joins.ipc), pid_of(joins.user)};
  if (joins.network) input.hostname = joins.network->definition.config.hostname;
  json document{{"version", 1},
                {"id", id},
                {"oci", build_spec(input)},
                {"rootfs", storage::to_json(services.storage.rootfs(container.id()))},
                {"stdio",
                 {{"open_stdin", definition.config.open_stdin},
                  {"stdin_once", definition.config.stdin_once}}},
                {"log", log_document(definition, container.name, extras.log_receivers)},
                {"forward", forward_document(reservation)}};
  if (definition.host_config.runtime != kOwnRuntime) {
    check_foreign_runtime(joins);
    use_runtime(services, container, document);
  }
  if (!extras.restore.is_null()) document["restore"] = std::move(extras.restore);
  shim::LaunchRequest request;
  request.program = services.shim_program.get();
  request.id = container.id();
  request.document = document.dump();
  request.seccomp_filter = seccomp_filter(services, definition.host_config);
  request.container_folder = input.folder;
  request.socket_folder = services.settings.shims();
  for (network::Listener& listener : reservation.listeners)
    request.listeners.push_back(std::move(listener.socket));
  return request;
}

}  // namespace berth::container
