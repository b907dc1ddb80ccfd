// Sessions of containers ("execs"): what the daemon knows of them. Control thread.
//
// The container's shim runs them and remembers those that ended lately; what is here is lost with
// the daemon, and the next one learns it from the shim.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <nlohmann/json_fwd.hpp>

#include "api/exec.hpp"
#include "common/time.hpp"
#include "daemon/async/signal.hpp"

namespace berth::container {

class Container;
using ContainerPtr = std::shared_ptr<Container>;

struct Exec {
  enum class Phase { kCreated, kStarting, kRunning, kEnded };

  Exec(const asio::any_io_executor& executor, std::string exec_id, api::ExecCreateRequest wanted)
      : id(std::move(exec_id)), request(std::move(wanted)), started(executor), ended(executor) {}

  std::string id;
  api::ExecCreateRequest request;  // completed from the container's configuration
  Phase phase = Phase::kCreated;
  int pid = 0;
  std::optional<int> exit_code;  // set with kEnded
  std::string error;             // why its program could not be started
  Timestamp ended_at;

  AsyncSignal started;  // its program runs, or could not be started
  AsyncSignal ended;
};
using ExecPtr = std::shared_ptr<Exec>;

/// What the shim keeps of a session for a later daemon, and back.
std::string exec_memo(const Exec& exec);
api::ExecCreateRequest request_from_memo(const std::string& memo);

struct FoundExec {
  ContainerPtr container;
  ExecPtr exec;
};

/// Finds sessions by their id; the containers own them.
class ExecIndex {
 public:
  void add(const ContainerPtr& container, const ExecPtr& exec);
  void remove(const std::string& id) { containers_.erase(id); }
  /// Throws Error{kNotFound} `No such exec instance: x`.
  FoundExec find(const std::string& id) const;

 private:
  std::unordered_map<std::string, std::weak_ptr<Container>> containers_;
};

}  // namespace berth::container
