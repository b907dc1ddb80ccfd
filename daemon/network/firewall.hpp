// Keeps the kernel's rules equal to what is published. Control thread; iptables runs on the pool.
//
// Changes that come while iptables runs are collected and made by its next run, all in one. When a
// run fails, everything is written anew from what should be there, which also heals what somebody
// else changed.
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/async/mutex.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/network/firewall_rules.hpp"

namespace berth::network {

class Firewall {
 public:
  Firewall(asio::any_io_executor control, BlockingPool& pool, RuleSettings settings)
      : pool_(pool), settings_(std::move(settings)), turn_(std::move(control)) {}

  /// Counts the endpoint's ports as published; the rules follow with the next write_all().
  void adopt(const Endpoint& endpoint);

  /// From now on the rules are for these networks; they follow with the next ensure().
  void set_bridges(std::vector<BridgeRules> bridges) {
    if (settings_.bridges == bridges) return;
    settings_.bridges = std::move(bridges);
    complete_ = false;
  }

  /// Writes all rules anew. Throws Error.
  Task<> write_all();

  /// Returns when all rules are there; at once when they are. Throws Error.
  Task<> ensure();

  /// Throws Error; the endpoint's rules are not there then, or go with the next run.
  Task<> publish(Endpoint endpoint);

  /// Throws Error.
  Task<> withdraw(Endpoint endpoint);

 private:
  struct Change {
    std::vector<Endpoint> removed;
    std::vector<Endpoint> added;
    bool done = false;
    std::exception_ptr failure;
  };
  using ChangePtr = std::shared_ptr<Change>;

  Task<> make(ChangePtr change);
  Task<> run(std::vector<ChangePtr> batch);
  Task<bool> run_changes(std::vector<Endpoint> removed, std::vector<Endpoint> added);
  Task<> run_all();

  BlockingPool& pool_;
  RuleSettings settings_;
  AsyncMutex turn_;  // one iptables at a time
  std::vector<ChangePtr> waiting_;
  std::map<EndpointId, Endpoint> published_;
  bool complete_ = false;  // the kernel's rules are known to be ours
};

}  // namespace berth::network
