#include "daemon/registry/remote.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace berth::registry {

struct Remote::State {
  State(asio::any_io_executor on_control, asio::any_io_executor on_network)
      : control(std::move(on_control)), network(std::move(on_network)), idle(control) {
    idle.set();
  }

  asio::any_io_executor control;
  asio::any_io_executor network;
  std::size_t running = 0;
  AsyncSignal idle;
};

void RemoteTask::cancel() {
  if (!signal_) return;
  asio::post(network_, [signal = signal_] { signal->emit(asio::cancellation_type::terminal); });
}

Remote::Remote(asio::any_io_executor control, asio::any_io_executor network)
    : state_(std::make_shared<State>(std::move(control), std::move(network))) {}

const asio::any_io_executor& Remote::control() const {
  return state_->control;
}

const asio::any_io_executor& Remote::network() const {
  return state_->network;
}

RemoteTask Remote::start(Task<> task, std::function<void(std::exception_ptr)> ended) {
  RemoteTask remote;
  remote.network_ = state_->network;
  remote.signal_ = std::make_shared<asio::cancellation_signal>();
  ++state_->running;
  state_->idle.reset();
  auto finish = [state = state_, signal = remote.signal_,
                 ended = std::move(ended)](std::exception_ptr failure) {
    ended(std::move(failure));
    if (--state->running == 0) state->idle.set();
  };
  // Through the other thread, because the slot belongs to it.
  asio::post(state_->network,
             [network = state_->network, control = state_->control, signal = remote.signal_,
              work = std::move(task), finish = std::move(finish)]() mutable {
               asio::co_spawn(network, std::move(work),
                              asio::bind_cancellation_slot(
                                  signal->slot(), asio::bind_executor(control, std::move(finish))));
             });
  return remote;
}

Task<> Remote::drained() {
  co_await state_->idle.wait();
}

}  // namespace berth::registry
