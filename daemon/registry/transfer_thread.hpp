// The thread that talks to registries.
#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "daemon/async/task.hpp"

namespace berth::registry {

/// An io_context on a thread of its own, begun with the first use: a daemon that never pulls has no
/// such thread.
class TransferThread {
 public:
  TransferThread();
  TransferThread(const TransferThread&) = delete;
  TransferThread& operator=(const TransferThread&) = delete;
  /// Drops what runs there.
  ~TransferThread();

  asio::any_io_executor executor();
  void start();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::registry
