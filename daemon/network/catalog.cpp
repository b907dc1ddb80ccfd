#include "daemon/network/catalog.hpp"

#include <fmt/format.h>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/network/catalog_store.hpp"

namespace berth::network {

namespace {

std::string with_prefix(const std::string& address, int prefix_length) {
  return address.empty() ? "" : fmt::format("{}/{}", address, prefix_length);
}

}  // namespace

Catalog::Catalog(const asio::any_io_executor& control, BlockingPool& fast, NetworkService& service,
                 state::Database& database, Settings settings, Publish publish)
    : pool_(fast),
      service_(service),
      database_(database),
      settings_(std::move(settings)),
      publish_(std::move(publish)),
      changes_(control) {
  for (const NetworkInfo& info : service_.list())
    add_built_in(info);
  for (Definition& definition : load_definitions(database_)) {
    std::string id = definition.id.str();
    definitions_.emplace(std::move(id), std::move(definition));
  }
}

void Catalog::add_built_in(const NetworkInfo& info) {
  Definition definition;
  definition.id = info.id;
  definition.created = now();
  definition.config.name = info.name;
  definition.config.driver = info.driver;
  definition.config.enable_ipv4 = true;
  definition.config.enable_ipv6 = false;
  definition.config.ipam.emplace().driver = "default";
  definitions_.emplace(info.id.str(), std::move(definition));
}

bool Catalog::is_built_in(const Definition& definition) const {
  const std::string& name = definition.config.name;
  return name == "bridge" || name == "host" || name == "none";
}

Task<> Catalog::restore() {
  for (const auto& [id, definition] : definitions_) {
    if (is_built_in(definition)) continue;
    try {
      co_await service_.add(definition.id, definition.config.name,
                            bridge_options(definition, settings_));
    } catch (const Error& error) {
      log::error("network {}: {}", definition.config.name, error.what());
    }
  }
}

const Definition* Catalog::look_up(std::string_view name) const {
  try {
    return &find(name);
  } catch (const Error&) {
    return nullptr;
  }
}

const Definition& Catalog::find(std::string_view name) const {
  if (const auto exact = definitions_.find(name); exact != definitions_.end()) return exact->second;
  for (const auto& [id, definition] : definitions_) {
    if (definition.config.name == name) return definition;
  }
  return find_by_id(name);
}

const Definition& Catalog::find_by_id(std::string_view beginning) const {
  const auto first = definitions_.lower_bound(beginning);
  std::size_t matches = 0;
  for (auto at = first; at != definitions_.end() && at->first.starts_with(beginning); ++at)
    ++matches;
  if (beginning.empty() || matches == 0)
    throw Error(ErrorKind::kNotFound, fmt::format("network {} not found", beginning));
  if (matches > 1) {
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("network {} is ambiguous ({} matches found on ID prefix)", beginning, matches));
  }
  return first->second;
}

std::vector<Subnet> Catalog::used_subnets() const {
  std::vector<Subnet> used;
  for (const NetworkInfo& info : service_.list()) {
    if (!info.subnet.empty()) used.push_back(Subnet::parse(info.subnet, "subnet"));
  }
  for (const auto& [id, definition] : definitions_) {
    for (const api::IpamConfig& config : definition.config.ipam->config)
      used.push_back(Subnet::parse(config.subnet, "subnet"));
  }
  return used;
}

Task<api::NetworkCreateResponse> Catalog::create(api::NetworkCreateRequest request) {
  check_request(request);
  const auto lock = co_await changes_.lock();
  for (const auto& [id, other] : definitions_) {
    if (other.config.name == request.name) {
      throw Error(ErrorKind::kConflict,
                  fmt::format("network with name {} already exists", request.name));
    }
  }
  Definition definition;
  definition.id = NetworkId(random_hex_id());
  definition.created = now();
  definition.config = std::move(request);
  auto look = [] { return subnets_of_host(); };
  const std::vector<Subnet> host = co_await pool_.run(std::move(look));
  choose_subnet(definition, settings_.address_pools, used_subnets(), host);
  const std::string id = definition.id.str();
  co_await make(std::move(definition));
  tell("create", definitions_.at(id));
  co_return api::NetworkCreateResponse{id, ""};
}

/// The row goes first: after a kill in between the network is made at the next start, and no bridge
/// is left that nobody knows.
Task<> Catalog::make(Definition definition) {
  const BridgeOptions options = bridge_options(definition, settings_);
  for (const NetworkInfo& other : service_.list()) {
    if (other.bridge != options.bridge.name) continue;
    throw Error(
        ErrorKind::kForbidden,
        fmt::format("cannot create network {} ({}): conflicts with network {} ({}): "
                    "networks have same bridge name",
                    definition.id.str(), options.bridge.name, other.id.str(), other.bridge));
  }
  auto look = [name = options.bridge.name] { return has_interface(name); };
  definition.foreign_bridge = co_await pool_.run(std::move(look));
  co_await insert_definition(database_, definition);
  std::exception_ptr failure;
  try {
    co_await service_.add(definition.id, definition.config.name,
                          bridge_options(definition, settings_));
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    // The undo is not interrupted, whoever went away.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await delete_definition(database_, definition.id);
    std::rethrow_exception(failure);
  }
  std::string id = definition.id.str();
  definitions_.emplace(std::move(id), std::move(definition));
}

Task<> Catalog::remove(std::string name) {
  const auto lock = co_await changes_.lock();
  const Definition& definition = find(name);
  if (is_built_in(definition)) {
    throw Error(
        ErrorKind::kForbidden,
        fmt::format("{} is a pre-defined network and cannot be removed", definition.config.name));
  }
  co_await take_away(definition.id);
}

Task<> Catalog::take_away(NetworkId id) {
  co_await service_.remove(id);
  co_await delete_definition(database_, id);
  const auto gone = definitions_.extract(id.str());
  tell("destroy", gone.mapped());
}

Task<api::NetworksPruned> Catalog::prune(PruneFilter filter) {
  const auto lock = co_await changes_.lock();
  std::vector<NetworkId> unused;
  for (const NetworkInfo& info : service_.list()) {
    const auto found = definitions_.find(info.id.str());
    if (found == definitions_.end() || is_built_in(found->second) || !info.endpoints.empty())
      continue;
    if (filter.matches(found->second.config.labels, found->second.created))
      unused.push_back(info.id);
  }
  api::NetworksPruned pruned;
  for (const NetworkId& id : unused) {
    std::string name = definitions_.at(id.str()).config.name;
    try {
      co_await take_away(id);
      pruned.deleted.push_back(std::move(name));
    } catch (const Error& error) {
      // A container started on it meanwhile.
      log::warn("pruning network {}: {}", name, error.what());
    }
  }
  publish_("prune", "", {{"reclaimed", "0"}});
  co_return pruned;
}

api::Network Catalog::inspect(std::string_view name) const {
  const Definition& definition = find(name);
  for (const NetworkInfo& info : service_.list()) {
    if (info.id == definition.id) return shown(definition, info, true);
  }
  return shown(definition, {}, true);
}

api::Network Catalog::shown(const Definition& definition, const NetworkInfo& info,
                            bool with_containers) const {
  const api::NetworkCreateRequest& config = definition.config;
  api::Network network;
  network.name = config.name;
  network.id = definition.id.str();
  network.created = format_rfc3339(definition.created);
  network.driver = config.driver;
  network.enable_ipv4 = config.enable_ipv4.value_or(true);
  network.enable_ipv6 = config.enable_ipv6.value_or(false);
  network.ipam = *config.ipam;
  network.internal = config.internal;
  network.attachable = config.attachable;
  network.options = config.options;
  network.labels = config.labels;
  if (is_built_in(definition)) {
    network.options = info.options;
    if (!info.subnet.empty())
      network.ipam.config.push_back({info.subnet, info.ip_range, info.gateway, {}});
  }
  if (!with_containers) return network;
  for (const Endpoint& endpoint : info.endpoints) {
    network.containers[endpoint.container.str()] = {
        endpoint.container_name, endpoint.id.str(), endpoint.mac,
        with_prefix(endpoint.address, endpoint.prefix_length), ""};
  }
  return network;
}

void Catalog::tell(std::string_view action, const Definition& definition) const {
  publish_(action, definition.id.str(),
           {{"name", definition.config.name}, {"type", definition.config.driver}});
}

}  // namespace berth::network
