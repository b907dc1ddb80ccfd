#include "daemon/routes/compat.hpp"

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/routes/architecture.hpp"

namespace berth::routes {

namespace {

/// Before API 1.44 a read-only mount said nothing about what is mounted below it.
void adapt_read_only(api::Mount& mount, http::ApiVersion version) {
  if (version >= http::ApiVersion{1, 44} || mount.type != "bind") return;
  if (mount.bind_options && mount.bind_options->read_only_force_recursive) {
    throw Error(ErrorKind::kInvalidArgument,
                "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer");
  }
  if (!mount.read_only) return;
  if (!mount.bind_options) mount.bind_options.emplace();
  mount.bind_options->read_only_non_recursive = true;
}

}  // namespace

void adapt_create_request(api::CreateRequest& request, http::ApiVersion version) {
  api::HostConfig& host_config = request.host_config;
  // The client sends -1 for "the kernel's default".
  if (host_config.resources.memory_swappiness == -1)
    host_config.resources.memory_swappiness.reset();
  if (host_config.resources.pids_limit.value_or(1) <= 0) host_config.resources.pids_limit.reset();
  // Before API 1.40 an unset IPC mode could be shared by other containers.
  if (version < http::ApiVersion{1, 40} && host_config.ipc_mode.empty())
    host_config.ipc_mode = "shareable";
  for (api::Mount& mount : host_config.mounts)
    adapt_read_only(mount, version);
  // From 1.44 on the address belongs to the endpoint.
  if (!request.config.mac_address.empty()) {
    auto& endpoints = request.networking_config.endpoints_config;
    const std::string network =
        host_config.network_mode.empty() || host_config.network_mode == "default"
            ? "bridge"
            : host_config.network_mode;
    if (endpoints[network].mac_address.empty())
      endpoints[network].mac_address = request.config.mac_address;
  }
  // "default" stands for the default network in both places.
  auto& endpoints = request.networking_config.endpoints_config;
  if (const auto found = endpoints.find("default"); found != endpoints.end()) {
    endpoints.emplace("bridge", std::move(found->second));
    endpoints.erase("default");
  }
}

void check_platform(const std::string& platform) {
  if (platform.empty()) return;
  const auto parts = split(platform, '/');
  if (parts.size() > 3 || parts[0].empty()) {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid platform \"" + platform + "\": must be like linux/amd64");
  }
  const bool matches = parts[0] == "linux" && (parts.size() < 2 || parts[1] == kArchitecture);
  if (!matches) {
    throw Error(ErrorKind::kNotFound, "the platform \"" + platform +
                                          "\" cannot run on this host, which is linux/" +
                                          std::string(kArchitecture));
  }
}

}  // namespace berth::routes
