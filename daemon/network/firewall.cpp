#include "daemon/network/firewall.hpp"

#include <utility>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/process.hpp"

namespace berth::network {

namespace {

// Hosts of orchestrators have tens of thousands of rules.
constexpr std::size_t kSavedLimit = std::size_t{64} << 20U;

[[noreturn]] void rethrow_iptables(const Error& error) {
  const std::string advice = error.kind() == ErrorKind::kNotFound
                                 ? "; install iptables, or set \"iptables\" to false"
                                 : "";
  throw Error(error.kind() == ErrorKind::kNotFound ? ErrorKind::kNotImplemented : error.kind(),
              std::string("cannot set up the network's rules: ") + error.what() + advice,
              error.system_error());
}

void restore(std::string rules) {
  ProcessOptions options;
  // -w: wait for another program that is changing rules (the legacy backend's lock).
  options.argv = {"iptables-restore", "--noflush", "-w"};
  options.stdin_data = std::move(rules);
  try {
    run_process_checked(options);
  } catch (const Error& error) {
    rethrow_iptables(error);
  }
}

std::string save() {
  ProcessOptions options;
  options.argv = {"iptables-save"};
  options.stdout_limit = kSavedLimit;
  try {
    return run_process_checked(options);
  } catch (const Error& error) {
    rethrow_iptables(error);
  }
}

}  // namespace

void Firewall::adopt(const Endpoint& endpoint) {
  if (needs_rules(endpoint)) published_.insert_or_assign(endpoint.id, endpoint);
}

Task<> Firewall::write_all() {
  complete_ = false;
  co_await make(std::make_shared<Change>());
}

Task<> Firewall::ensure() {
  if (!complete_) co_await make(std::make_shared<Change>());
}

Task<> Firewall::publish(Endpoint endpoint) {
  auto change = std::make_shared<Change>();
  change->added.push_back(std::move(endpoint));
  co_await make(std::move(change));
}

Task<> Firewall::withdraw(Endpoint endpoint) {
  auto change = std::make_shared<Change>();
  change->removed.push_back(std::move(endpoint));
  co_await make(std::move(change));
}

/// Whoever gets the turn makes everybody's changes.
Task<> Firewall::make(ChangePtr change) {
  waiting_.push_back(change);
  const auto lock = co_await turn_.lock();
  if (!change->done) {
    const std::vector<ChangePtr> batch = std::exchange(waiting_, {});
    std::exception_ptr failure;
    try {
      co_await run(batch);
    } catch (...) {
      failure = std::current_exception();
    }
    for (const ChangePtr& made : batch) {
      made->done = true;
      made->failure = failure;
      if (!failure) continue;
      for (const Endpoint& endpoint : made->added)
        published_.erase(endpoint.id);
    }
  }
  if (change->failure) std::rethrow_exception(change->failure);
}

Task<> Firewall::run(std::vector<ChangePtr> batch) {
  std::vector<Endpoint> removed;
  std::vector<Endpoint> added;
  for (const ChangePtr& change : batch) {
    for (const Endpoint& endpoint : change->removed) {
      // Neither what is not there, nor what this very run would have brought.
      if (published_.erase(endpoint.id) > 0 && std::erase(added, endpoint) == 0) {
        removed.push_back(endpoint);
      }
    }
    for (const Endpoint& endpoint : change->added) {
      published_.insert_or_assign(endpoint.id, endpoint);
      added.push_back(endpoint);
    }
  }
  if (complete_ && co_await run_changes(std::move(removed), std::move(added))) co_return;
  co_await run_all();
}

/// False when the rules are not as we left them.
Task<bool> Firewall::run_changes(std::vector<Endpoint> removed, std::vector<Endpoint> added) {
  std::string rules = changed_rules(removed, added);
  if (rules.empty()) co_return true;
  auto job = [rules = std::move(rules)] { restore(rules); };
  try {
    co_await pool_.run(std::move(job));
    co_return true;
  } catch (const Error& error) {
    log::warn("{}: writing all rules anew", error.what());
    complete_ = false;
    co_return false;
  }
}

Task<> Firewall::run_all() {
  std::vector<Endpoint> endpoints;
  endpoints.reserve(published_.size());
  for (const auto& [id, endpoint] : published_)
    endpoints.push_back(endpoint);
  const std::vector<BridgeRules> written = settings_.bridges;
  auto job = [settings = settings_, endpoints = std::move(endpoints)] {
    restore(all_rules(settings, save(), endpoints));
  };
  co_await pool_.run(std::move(job));
  // A network may have come or gone meanwhile.
  complete_ = settings_.bridges == written;
}

}  // namespace berth::network
