#include "daemon/container/network_files.hpp"

#include <filesystem>
#include <utility>

#include "common/file.hpp"
#include "daemon/container/network_mode.hpp"
#include "daemon/network/hosts.hpp"
#include "daemon/network/resolv.hpp"

namespace berth::container {

namespace {

constexpr mode_t kReadable = 0644;

struct Files {
  std::string hosts;
  std::string hostname;
  std::string resolv_conf;
};

network::ResolvOptions resolv_options(const api::HostConfig& host_config,
                                      const Settings& settings) {
  const auto first_given = [](const api::StringList& own, const api::StringList& general) {
    return own.empty() ? general : own;
  };
  return {first_given(host_config.dns, settings.dns),
          first_given(host_config.dns_search, settings.dns_search),
          first_given(host_config.dns_options, settings.dns_options)};
}

network::HostsOptions hosts_options(const Services& services, const Container& container) {
  const Definition& definition = container.definition;
  network::HostsOptions options;
  for (const network::Endpoint& endpoint : container.endpoints)
    options.addresses.push_back(endpoint.address);
  options.hostname = definition.config.hostname;
  options.domain_name = definition.config.domainname;
  options.extra_hosts = definition.host_config.extra_hosts;
  options.host_gateway = services.network.host_gateway();
  return options;
}

/// Not synced: after a loss of power nothing runs that could read them, and each start writes them
/// anew.
void write_files(const std::filesystem::path& folder, const Files& files) {
  write_file_atomic(folder / "hosts", files.hosts, kReadable, Durability::kVisible);
  write_file_atomic(folder / "hostname", files.hostname, kReadable, Durability::kVisible);
  write_file_atomic(folder / "resolv.conf", files.resolv_conf, kReadable, Durability::kVisible);
}

void copy_files(const std::filesystem::path& from, const std::filesystem::path& to) {
  write_files(to, {read_file(from / "hosts"), read_file(from / "hostname"),
                   read_file(from / "resolv.conf")});
}

}  // namespace

Task<> write_network_files(Services& services, ContainerPtr container, ContainerPtr joined) {
  const auto folder = services.settings.container_folder(container->id().str());
  if (joined) {
    auto copy = [folder, from = services.settings.container_folder(joined->id().str())] {
      copy_files(from, folder);
    };
    co_await services.fast.run(std::move(copy));
    co_return;
  }
  const NetworkMode mode = parse_network_mode(container->definition.host_config.network_mode);
  auto write = [folder, hosts = hosts_options(services, *container),
                resolv = resolv_options(container->definition.host_config, services.settings),
                as_host = mode.kind == NetworkKind::kHost] {
    Files files;
    // A container on the host's network knows the names that the host knows.
    const bool as_hosts_of_host =
        as_host && hosts.extra_hosts.empty() && std::filesystem::exists("/etc/hosts");
    files.hosts = as_hosts_of_host ? read_file("/etc/hosts") : network::hosts_file(hosts);
    files.hostname = hosts.hostname + "\n";
    const std::string of_host = network::read_host_resolv_conf();
    const bool untouched =
        as_host && resolv.servers.empty() && resolv.search.empty() && resolv.options.empty();
    files.resolv_conf = untouched ? of_host : network::resolv_conf(of_host, resolv);
    write_files(folder, files);
  };
  co_await services.fast.run(std::move(write));
}

Task<> release_endpoints(Services& services, ContainerPtr container) {
  const auto endpoints = std::exchange(container->endpoints, {});
  for (const network::Endpoint& endpoint : endpoints)
    co_await services.network.release(endpoint);
}

}  // namespace berth::container
