// The service's insides. Only its own .cpp files include this.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/async/gate.hpp"
#include "daemon/network/bridge_network.hpp"
#include "daemon/network/cables.hpp"
#include "daemon/network/firewall.hpp"
#include "daemon/network/host_ports.hpp"
#include "daemon/network/service.hpp"

namespace berth::network {

class NetworkService::Impl {
 public:
  Impl(asio::any_io_executor control, BlockingPool& fast, Settings settings, BuiltInIds ids);

  Task<> start();
  Task<> add(NetworkId id, std::string name, BridgeOptions options);
  Task<> remove(NetworkId id);
  void adopt(const Endpoint& endpoint);
  Task<> clear_leavings();
  Task<Reservation> reserve(EndpointRequest request);
  Task<> attach(Endpoint endpoint, Fd network_namespace);
  Task<> release(Endpoint endpoint);
  void rename(const EndpointId& id, std::string container_name, std::vector<std::string> names);
  std::vector<NamedAddress> names(const NetworkId& network) const;
  std::vector<Endpoint> endpoints_of(const ContainerId& container) const;
  void on_names_changed(std::function<void(const NetworkId&)> listener) {
    listener_ = std::move(listener);
  }
  std::string host_gateway() const { return default_.host_address(); }
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
  struct Withdrawal {
    NetworkId network;
    std::shared_ptr<AsyncSignal> done;
  };
  struct Held {
    Endpoint endpoint;
    std::shared_ptr<Publication> publication;  // null: no rules, or they are there
  };

  using Networks = std::map<std::string, std::unique_ptr<BridgeNetwork>>;  // by id

  BridgeNetwork* find(const std::string& name);
  BridgeNetwork& network_named(const std::string& name);
  void give_back(const Endpoint& endpoint);
  void tell_names(const Endpoint& endpoint) const;
  std::vector<BridgeRules> rules() const;
  Task<> wait_until_withdrawn(NetworkId id);
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
  Networks networks_;
  BridgeNetwork& default_;
  HostPorts ports_;
  Cables cables_;
  Gate tasks_;
  std::unique_ptr<Firewall> firewall_;  // null: the rules are not ours to make
  std::map<EndpointId, Held> endpoints_;
  /// Addresses that rules of their last owners are still there for; they are not free yet.
  std::map<std::string, Withdrawal> withdrawing_;
  std::vector<std::string> warnings_;
  std::function<void(const NetworkId&)> listener_;
  bool settled_ = false;  // clear_leavings() has run
};

}  // namespace berth::network
