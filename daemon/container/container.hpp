// One container: what was asked for, what it is doing, and what it holds. Control thread; the
// operations of this room (create_op, start_op, ...) change it, everybody else reads.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/async/mutex.hpp"
#include "daemon/container/definition.hpp"
#include "daemon/container/exec.hpp"
#include "daemon/container/outcome.hpp"
#include "daemon/container/run_state.hpp"
#include "daemon/network/service.hpp"
#include "daemon/shim_client/shim_client.hpp"

namespace berth::container {

/// An attached client whose stream the next start hands to the shim.
struct WaitingAttachment {
  shim::AttachRequest request;
  Fd stream;
};

class Container {
 public:
  Container(const asio::any_io_executor& executor, Definition what, std::string container_name);

  const ContainerId& id() const noexcept { return definition.id; }
  bool has_terminal() const noexcept { return definition.config.tty; }

  Definition definition;
  std::string name;  // without the leading slash
  RunState state;
  std::vector<network::Endpoint> endpoints;  // one a network, while it runs

  /// Held by each life-cycle operation over its side effects, never while it waits for the process
  /// to end.
  AsyncMutex operations;

  /// Set from the shim's launch until its end is handled.
  std::shared_ptr<shim::ShimClient> shim;
  /// Of the last run.
  std::shared_ptr<shim::ShimClient> ending_shim;
  std::vector<WaitingAttachment> waiting_attachments;
  std::map<std::string, ExecPtr> execs;  // of the present run, and those that ended lately
  /// Set while the restart policy waits for its next start; setting it cancels that.
  std::shared_ptr<AsyncSignal> pending_restart;
  std::chrono::milliseconds restart_delay{0};  // the last that the policy waited

  /// Settled at the end of the present or next run, then replaced.
  std::shared_ptr<Outcome> next_exit;
  /// Settled when the container is gone.
  std::shared_ptr<Outcome> removed;
};

using ContainerPtr = std::shared_ptr<Container>;

}  // namespace berth::container
