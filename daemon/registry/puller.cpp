#include "daemon/registry/puller.hpp"

#include <boost/system/system_error.hpp>

#include "daemon/registry/pull_op.hpp"

namespace berth::registry {

Puller::Puller(asio::any_io_executor control, TransferThread& transfers, PullTargetFactory targets,
               Options options)
    : state_(std::make_shared<State>(std::move(control), transfers, std::move(targets),
                                     with_temporary_folder(std::move(options)))) {}

Puller::~Puller() = default;

Task<> Puller::pull(PullRequest request, ProgressSink sink) {
  const std::string what = "pull of \"" + request.name.familiar() + "\"";
  state_->thread.start();
  PullOp operation(state_, std::move(request), std::move(sink));
  try {
    co_await operation.run();
  } catch (const boost::system::system_error& error) {
    rethrow_translated(error, what);
  }
}

Task<> Puller::close() {
  co_await state_->remote.drained();
}

}  // namespace berth::registry
