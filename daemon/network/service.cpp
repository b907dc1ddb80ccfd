#include "daemon/network/service.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/scope_guard.hpp"
#include "daemon/network/conntrack.hpp"
#include "daemon/network/service_impl.hpp"

namespace berth::network {

NetworkService::Impl::Impl(asio::any_io_executor control, BlockingPool& fast, Settings settings,
                           BuiltInIds ids)
    : control_(control),
      pool_(fast),
      settings_(std::move(settings)),
      ids_(std::move(ids)),
      default_(
          *networks_
               .emplace(ids_.bridge.str(), std::make_unique<BridgeNetwork>(
                                               ids_.bridge, "bridge", default_bridge(settings_)))
               .first->second),
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
  auto job = [bridge = default_.bridge(), forward = settings_.ip_forward] {
    return Result{ensure_bridge(bridge), forward && enable_forwarding()};
  };
  const Result result = co_await pool_.run(std::move(job));
  default_.begin(result.address);
  if (!settings_.iptables) {
    warnings_.emplace_back(
        "iptables is off: containers reach other machines, and published ports "
        "keep the clients' addresses, only by rules of the administrator");
    co_return;
  }
  firewall_ = std::make_unique<Firewall>(control_, pool_,
                                         RuleSettings{rules(), result.forwarding_turned_on});
}

void NetworkService::Impl::adopt(const Endpoint& endpoint) {
  BridgeNetwork& network = network_named(endpoint.network_id.str());
  network.adopt(endpoint);
  ScopeGuard undo([&] { network.give_back(endpoint); });
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
  tell_names(endpoint);
}

Task<> NetworkService::Impl::clear_leavings() {
  settled_ = true;
  std::vector<std::string> bridges;
  for (const auto& [id, network] : networks_)
    bridges.push_back(network->bridge().name);
  auto look = [bridges = std::move(bridges)] {
    std::vector<std::string> all;
    for (const std::string& bridge : bridges) {
      for (std::string& cable : list_cables(bridge))
        all.push_back(std::move(cable));
    }
    return all;
  };
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

std::vector<Listener> NetworkService::Impl::reserve_ports(const Endpoint& endpoint,
                                                          const EndpointRequest& request) {
  const std::string& address = network_named(endpoint.network_id.str()).options().binding_address;
  std::vector<PortBinding> bindings = request.ports;
  for (PortBinding& binding : bindings) {
    if (binding.host_address.empty()) binding.host_address = address;
  }
  try {
    return ports_.reserve(bindings);
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
    const std::shared_ptr<AsyncSignal> withdrawn = withdrawing_.begin()->second.done;
    co_await withdrawn->wait();
  }
}

Task<Reservation> NetworkService::Impl::reserve(EndpointRequest request) {
  Reservation reservation;
  reservation.endpoint = co_await make_endpoint(request);
  Endpoint& endpoint = reservation.endpoint;
  ScopeGuard undo([&] { give_back(endpoint); });
  reservation.listeners = reserve_ports(endpoint, request);
  for (const Listener& listener : reservation.listeners)
    endpoint.ports.push_back(listener.port);
  const auto place = endpoints_.insert_or_assign(endpoint.id, Held{endpoint, nullptr}).first;
  undo.release();
  tell_names(endpoint);
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
  co_await cables_.lay(network_named(endpoint.network_id.str()).cable_for(endpoint),
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
  withdrawing_.insert_or_assign(held.endpoint.address,
                                Withdrawal{held.endpoint.network_id, withdrawn});
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
  give_back(endpoint);
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
    give_back(held);
  }
  tell_names(held);
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
Task<> NetworkService::add(NetworkId id, std::string name, BridgeOptions options) {
  return impl_->add(std::move(id), std::move(name), std::move(options));
}
Task<> NetworkService::remove(NetworkId id) {
  return impl_->remove(std::move(id));
}
void NetworkService::rename(const EndpointId& id, std::string container_name,
                            std::vector<std::string> names) {
  impl_->rename(id, std::move(container_name), std::move(names));
}
std::vector<NamedAddress> NetworkService::names(const NetworkId& network) const {
  return impl_->names(network);
}
std::vector<Endpoint> NetworkService::endpoints_of(const ContainerId& container) const {
  return impl_->endpoints_of(container);
}
void NetworkService::on_names_changed(std::function<void(const NetworkId&)> listener) {
  impl_->on_names_changed(std::move(listener));
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
