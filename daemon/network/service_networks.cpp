// The service's networks: how they come, go and are seen.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/network/service_impl.hpp"

namespace berth::network {

std::vector<BridgeRules> NetworkService::Impl::rules() const {
  std::vector<BridgeRules> all;
  for (const auto& [id, network] : networks_)
    all.push_back(network->rules());
  return all;
}

Task<> NetworkService::Impl::add(NetworkId id, std::string name, BridgeOptions options) {
  auto network = std::make_unique<BridgeNetwork>(id, std::move(name), std::move(options));
  auto make = [bridge = network->bridge()] { ensure_bridge(bridge); };
  co_await pool_.run(std::move(make));
  networks_.insert_or_assign(id.str(), std::move(network));
  if (!firewall_) co_return;
  firewall_->set_bridges(rules());
  if (!settled_) co_return;
  std::exception_ptr failure;
  try {
    co_await firewall_->ensure();
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  co_await remove(id);
  std::rethrow_exception(failure);
}

Task<> NetworkService::Impl::remove(NetworkId id) {
  const auto found = networks_.find(id.str());
  if (found == networks_.end() || found->second.get() == &default_) co_return;
  std::vector<std::string> users;
  for (const auto& [endpoint_id, held] : endpoints_) {
    if (held.endpoint.network_id != id) continue;
    users.push_back(fmt::format("name:\"{}\" id:\"{}\"", held.endpoint.container_name,
                                short_id(held.endpoint.container.str())));
  }
  if (!users.empty()) {
    throw Error(ErrorKind::kForbidden,
                fmt::format("error while removing network: network {} has active endpoints ({})",
                            found->second->name(), fmt::join(users, ", ")));
  }
  // Nobody finds it any more from here on.
  const std::unique_ptr<BridgeNetwork> network = std::move(networks_.extract(found).mapped());
  co_await wait_until_withdrawn(id);
  if (!network->options().foreign) {
    auto take_away = [name = network->bridge().name] { remove_bridge(name); };
    co_await pool_.run(std::move(take_away));
  }
  if (!firewall_) co_return;
  firewall_->set_bridges(rules());
  // Rules for an interface that is no more do no harm, and go before anybody is attached.
  try {
    co_await firewall_->ensure();
  } catch (const Error& error) {
    log::warn("network {}: {}", network->name(), error.what());
  }
}

Task<> NetworkService::Impl::wait_until_withdrawn(NetworkId id) {
  for (;;) {
    const auto found = std::find_if(withdrawing_.begin(), withdrawing_.end(),
                                    [&id](const auto& each) { return each.second.network == id; });
    if (found == withdrawing_.end()) co_return;
    const std::shared_ptr<AsyncSignal> withdrawn = found->second.done;
    co_await withdrawn->wait();
  }
}

BridgeNetwork* NetworkService::Impl::find(const std::string& name) {
  if (const auto found = networks_.find(name); found != networks_.end()) return found->second.get();
  for (const auto& [id, network] : networks_) {
    if (network->name() == name) return network.get();
  }
  return nullptr;
}

BridgeNetwork& NetworkService::Impl::network_named(const std::string& name) {
  if (BridgeNetwork* const network = find(name)) return *network;
  throw Error(ErrorKind::kNotFound, fmt::format("network {} not found", name));
}

void NetworkService::Impl::give_back(const Endpoint& endpoint) {
  if (BridgeNetwork* const network = find(endpoint.network_id.str())) network->give_back(endpoint);
}

void NetworkService::Impl::tell_names(const Endpoint& endpoint) const {
  if (listener_ && endpoint.network_id != ids_.bridge) listener_(endpoint.network_id);
}

void NetworkService::Impl::rename(const EndpointId& id, std::string container_name,
                                  std::vector<std::string> names) {
  const auto held = endpoints_.find(id);
  if (held == endpoints_.end()) return;
  held->second.endpoint.container_name = std::move(container_name);
  held->second.endpoint.names = std::move(names);
  tell_names(held->second.endpoint);
}

std::vector<NamedAddress> NetworkService::Impl::names(const NetworkId& network) const {
  std::vector<NamedAddress> all;
  if (network == ids_.bridge) return all;
  for (const auto& [id, held] : endpoints_) {
    if (held.endpoint.network_id != network) continue;
    for (const std::string& name : held.endpoint.names)
      all.push_back({name, held.endpoint.address, held.endpoint.container});
  }
  return all;
}

std::vector<Endpoint> NetworkService::Impl::endpoints_of(const ContainerId& container) const {
  std::vector<Endpoint> all;
  for (const auto& [id, held] : endpoints_) {
    if (held.endpoint.container == container) all.push_back(held.endpoint);
  }
  return all;
}

std::vector<NetworkInfo> NetworkService::Impl::list() const {
  std::map<NetworkId, NetworkInfo> networks;
  for (const auto& [id, network] : networks_)
    networks.emplace(network->id(), network->info());
  for (const auto& [id, name, driver] :
       {std::tuple{ids_.host, "host", "host"}, std::tuple{ids_.none, "none", "null"}}) {
    networks[id].id = id;
    networks[id].name = name;
    networks[id].driver = driver;
  }
  for (const auto& [id, held] : endpoints_)
    networks[held.endpoint.network_id].endpoints.push_back(held.endpoint);
  std::vector<NetworkInfo> all;
  for (auto& [id, network] : networks)
    all.push_back(std::move(network));
  return all;
}

}  // namespace berth::network
