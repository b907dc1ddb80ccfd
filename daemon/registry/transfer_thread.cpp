#include "daemon/registry/transfer_thread.hpp"

#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace berth::registry {

struct TransferThread::State {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  // Opens the reactor's descriptors with the object instead of at the first pull, so that how many
  // the daemon holds does not change while it serves.
  asio::steady_timer reactor{io};
  std::thread thread;
};

TransferThread::TransferThread() : state_(std::make_unique<State>()) {}

TransferThread::~TransferThread() {
  state_->io.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

asio::any_io_executor TransferThread::executor() {
  return state_->io.get_executor();
}

void TransferThread::start() {
  if (state_->thread.joinable()) return;
  state_->thread = std::thread([this] { state_->io.run(); });
}

}  // namespace berth::registry
