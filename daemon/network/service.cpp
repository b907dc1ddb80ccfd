#include "daemon/network/service.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/scope_guard.hpp"
#include "daemon/async/gate.hpp"
#include "daemon/network/bridge_network.hpp"
#include "daemon/network/cables.hpp"
#include "daemon/network/conntrack.hpp"
#include "daemon/network/firewall.hpp"
#include "daemon/network/host_ports.hpp"

namespace berth::network {

BuiltInIds make_built_in_ids() {
  return {NetworkId(random_hex_id()), NetworkId(random_hex_id()), NetworkId(random_hex_id())};
}

nlohmann::json to_json(const BuiltInIds& ids) {
  return {{"bridge", ids.bridge.str()}, {"host", ids.host.str()}, {"none", ids.none.str()}};
}

BuiltInIds built_in_ids_from_json(const nlohmann::json& json) {
  try {
    return {NetworkId(json.at("bridge").get<std::string>()),
            NetworkId(json.at("host").get<std::string>()),
            NetworkId(json.at("none").get<std::string>())};
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::kInternal,
                fmt::format("invalid network ids on record: {}", error.what()));
  }
}

class NetworkService::Impl {
 public:
  Impl(asio::any_io_executor control, BlockingPool& fast, Settings settings, BuiltInIds ids);

  Task<> start();
  void adopt(const Endpoint& endpoint);
  Task<> clear_leavings();
  Task<Reservation> reserve(EndpointRequest request);
  Task<> attach(Endpoint endpoint, Fd network_namespace);
  Task<> release(Endpoint endpoint);
  std::string host_gateway() const { return bridge_.host_address(); }
  std::vector<NetworkInfo> list() const;
  std::vector<std::string> warnings() const { return warnings_; }
  Task<> stop();

 private:
  /// What publishing an endpoint's ports came to.
  struct Publication {
    explicit Publication(const asio::any_io_executor& control) : done(control) {}
    AsyncSignal done;
    std::exception_ptr failure;
  };
  struct Held {
    Endpoint endpoint;
    std::shared_ptr<Publication> publication;  // null: no rules, or they are there
  };

  BridgeNetwork& network_named(const std::string& name);
  Task<Endpoint> make_endpoint(const EndpointRequest& request);
  std::vector<Listener> reserve_ports(const Endpoint& endpoint, const EndpointRequest& request);
  void begin_publishing(Held& held);
  Task<> publish(Endpoint endpoint, std::shared_ptr<Publication> publication);
  Task<> wait_until_published(Endpoint endpoint);
  void begin_withdrawing(const Held& held);
  Task<> withdraw(Held held, std::shared_ptr<AsyncSignal> withdrawn);

  asio::any_io_executor control_;
  BlockingPool& pool_;
  Settings settings_;
  BuiltInIds ids_;
  BridgeNetwork bridge_;
  HostPorts ports_;
  Cables cables_;
  Gate tasks_;
  std::unique_ptr<Firewall> firewall_;  // null: the rules are not ours to make
  std::map<EndpointId, Held> endpoints_;
  /// Addresses that rules of their last owners are still there for; they are not free yet.
  std::map<std::string, std::shared_ptr<AsyncSignal>> withdrawing_;
  std::vector<std::string> warnings_;
};

NetworkService::Impl::Impl(asio::any_io_executor control, BlockingPool& fast, Settings settings,
                           BuiltInIds ids)
    : control_(control),
      pool_(fast),
      settings_(std::move(settings)),
      ids_(std::move(ids)),
      bridge_(ids_.bridge, "bridge", settings_),
      ports_(settings_.default_binding_address.empty()
                 ? ""
                 : canonical_address(settings_.default_binding_address)),
      cables_(control, fast),
      tasks_(control) {}

Task<> NetworkService::Impl::start() {
  struct Result {
    Subnet address;
    bool forwarding_turned_on = false;
  };
  auto job = [bridge = bridge_.bridge(), forward = settings_.ip_forward] {
    return Result{ensure_bridge(bridge), forward && enable_forwarding()};
  };
  const Result result = co_await pool_.run(std::move(job));
  bridge_.begin(result.address);
  if (!settings_.iptables) {
    warnings_.emplace_back(
        "iptables is off: containers reach other machines, and published ports "
        "keep the clients' addresses, only by rules of the administrator");
    co_return;
  }
  firewall_ =
      std::make_unique<Firewall>(control_, pool_, bridge_.rules(result.forwarding_turned_on));
}

void NetworkService::Impl::adopt(const Endpoint& endpoint) {
  network_named(endpoint.network).adopt(endpoint);
  ScopeGuard undo([&] { bridge_.give_back(endpoint); });
  std::vector<PublishedPort> taken;
  ScopeGuard undo_ports([&] { ports_.give_back(taken); });
  for (const PublishedPort& port : endpoint.ports) {
    ports_.adopt(port);
    taken.push_back(port);
  }
  endpoints_.insert_or_assign(endpoint.id, Held{endpoint, nullptr});
  if (firewall_) firewall_->adopt(endpoint);
  undo.release();
  undo_ports.release();
}

Task<> NetworkService::Impl::clear_leavings() {
  auto look = [name = bridge_.bridge().name] { return list_cables(name); };
  std::vector<std::string> cables = co_await pool_.run(std::move(look));
  // Cables laid since are not on the list, and those that may be on it were registered before.
  std::set<std::string> live;
  for (const auto& [id, held] : endpoints_)
    live.insert(held.endpoint.veth);
  std::erase_if(cables, [&live](const std::string& name) { return live.contains(name); });
  if (!cables.empty()) {
    log::info("removing {} interfaces that were left by containers: {}", cables.size(),
              fmt::join(cables, " "));
    co_await cables_.clear(std::move(cables));
  }
  if (firewall_) co_await firewall_->write_all();
}

BridgeNetwork& NetworkService::Impl::network_named(const std::string& name) {
  if (name == "bridge") return bridge_;
  throw Error(ErrorKind::kNotFound, fmt::format("network {} not found", name));
}

std::vector<Listener> NetworkService::Impl::reserve_ports(const Endpoint& endpoint,
                                                          const EndpointRequest& request) {
  try {
    return ports_.reserve(request.ports);
  } catch (const Error&) {
    rethrow_with_context(
        fmt::format("driver failed programming external connectivity on endpoint {} ({})",
                    request.container_name, endpoint.id.str()));
  }
}

/// Waits for addresses that are about to be free when there are no others.
Task<Endpoint> NetworkService::Impl::make_endpoint(const EndpointRequest& request) {
  while (true) {
    try {
      co_return network_named(request.network).make_endpoint(request);
    } catch (const Error& error) {
      const bool taken =
          error.kind() == ErrorKind::kUnavailable || error.kind() == ErrorKind::kConflict;
      if (!taken || withdrawing_.empty()) throw;
    }
    const std::shared_ptr<AsyncSignal> withdrawn = withdrawing_.begin()->second;
    co_await withdrawn->wait();
  }
}

Task<Reservation> NetworkService::Impl::reserve(EndpointRequest request) {
  Reservation reservation;
  reservation.endpoint = co_await make_endpoint(request);
  BridgeNetwork& network = network_named(request.network);
  Endpoint& endpoint = reservation.endpoint;
  ScopeGuard undo([&] { network.give_back(endpoint); });
  reservation.listeners = reserve_ports(endpoint, request);
  for (const Listener& listener : reservation.listeners)
    endpoint.ports.push_back(listener.port);
  const auto place = endpoints_.insert_or_assign(endpoint.id, Held{endpoint, nullptr}).first;
  undo.release();
  begin_publishing(place->second);
  co_return reservation;
}

/// iptables runs while the container is being made.
void NetworkService::Impl::begin_publishing(Held& held) {
  if (!firewall_ || !needs_rules(held.endpoint)) return;
  held.publication = std::make_shared<Publication>(control_);
  tasks_.spawn("publish the ports of " + held.endpoint.container_name,
               [this, endpoint = held.endpoint, publication = held.publication] {
                 return publish(endpoint, publication);
               });
}

Task<> NetworkService::Impl::publish(Endpoint endpoint, std::shared_ptr<Publication> publication) {
  try {
    co_await firewall_->publish(std::move(endpoint));
  } catch (...) {
    publication->failure = std::current_exception();
  }
  publication->done.set();
}

Task<> NetworkService::Impl::attach(Endpoint endpoint, Fd network_namespace) {
  if (!endpoints_.contains(endpoint.id)) {
    throw Error(ErrorKind::kConflict, fmt::format("endpoint {} was released", endpoint.id.str()));
  }
  co_await cables_.lay(network_named(endpoint.network).cable_for(endpoint),
                       std::move(network_namespace));
  co_await wait_until_published(std::move(endpoint));
}

Task<> NetworkService::Impl::wait_until_published(Endpoint endpoint) {
  if (!firewall_) co_return;
  const auto held = endpoints_.find(endpoint.id);
  const auto publication = held == endpoints_.end() ? nullptr : held->second.publication;
  if (!publication) {
    co_await firewall_->ensure();
    co_return;
  }
  co_await publication->done.wait();
  if (!publication->failure) co_return;
  try {
    std::rethrow_exception(publication->failure);
  } catch (const Error&) {
    rethrow_with_context(
        fmt::format("driver failed programming external connectivity on endpoint {} ({})",
                    endpoint.container_name, endpoint.id.str()));
  }
}

/// Deleting a rule takes some 25 ms, for the kernel waits for all its processors. Nobody waits for
/// that, but the address is nobody's until then: its next owner may publish nothing.
void NetworkService::Impl::begin_withdrawing(const Held& held) {
  const auto withdrawn = std::make_shared<AsyncSignal>(control_);
  withdrawing_.insert_or_assign(held.endpoint.address, withdrawn);
  tasks_.spawn("withdraw the ports of " + held.endpoint.container_name,
               [this, held, withdrawn] { return withdraw(held, withdrawn); });
}

Task<> NetworkService::Impl::withdraw(Held held, std::shared_ptr<AsyncSignal> withdrawn) {
  const Endpoint& endpoint = held.endpoint;
  std::exception_ptr failure;
  try {
    if (held.publication) co_await held.publication->done.wait();
    co_await firewall_->withdraw(endpoint);
    auto job = [owner = Ipv4::parse(endpoint.address).value_or(Ipv4{})] {
      forget_connections(owner);
    };
    co_await pool_.run(std::move(job));
  } catch (...) {
    failure = std::current_exception();
  }
  withdrawing_.erase(endpoint.address);
  network_named(endpoint.network).give_back(endpoint);
  withdrawn->set();
  // What is left is taken away before the next container is attached (Firewall::ensure).
  if (failure) std::rethrow_exception(failure);
}

Task<> NetworkService::Impl::release(Endpoint endpoint) {
  // Whoever takes it from the map gives it back; a second caller finds nothing to do.
  const auto node = endpoints_.extract(endpoint.id);
  if (node.empty()) co_return;
  const Endpoint& held = node.mapped().endpoint;
  cables_.drop(held.veth, held.address);
  ports_.give_back(held.ports);
  if (firewall_ && needs_rules(held)) {
    begin_withdrawing(node.mapped());
  } else {
    network_named(held.network).give_back(held);
  }
}

std::vector<NetworkInfo> NetworkService::Impl::list() const {
  std::vector<NetworkInfo> networks(3);
  networks[0] = bridge_.info();
  networks[1].id = ids_.host;
  networks[1].name = networks[1].driver = "host";
  networks[2].id = ids_.none;
  networks[2].name = "none";
  networks[2].driver = "null";
  for (const auto& [id, held] : endpoints_)
    networks[0].endpoints.push_back(held.endpoint);
  return networks;
}

Task<> NetworkService::Impl::stop() {
  co_await cables_.stop();
  co_await tasks_.close();
}

NetworkService::NetworkService(asio::any_io_executor control, BlockingPool& fast, Settings settings,
                               BuiltInIds ids)
    : impl_(std::make_unique<Impl>(std::move(control), fast, std::move(settings), std::move(ids))) {
}
NetworkService::~NetworkService() = default;

Task<> NetworkService::start() {
  return impl_->start();
}
void NetworkService::adopt(const Endpoint& endpoint) {
  impl_->adopt(endpoint);
}
Task<> NetworkService::clear_leavings() {
  return impl_->clear_leavings();
}
Task<Reservation> NetworkService::reserve(EndpointRequest request) {
  return impl_->reserve(std::move(request));
}
Task<> NetworkService::attach(Endpoint endpoint, Fd network_namespace) {
  return impl_->attach(std::move(endpoint), std::move(network_namespace));
}
Task<> NetworkService::release(Endpoint endpoint) {
  return impl_->release(std::move(endpoint));
}
std::string NetworkService::host_gateway() const {
  return impl_->host_gateway();
}
std::vector<NetworkInfo> NetworkService::list() const {
  return impl_->list();
}
std::vector<std::string> NetworkService::warnings() const {
  return impl_->warnings();
}
Task<> NetworkService::stop() {
  return impl_->stop();
}

}  // namespace berth::network
