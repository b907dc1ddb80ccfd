#include "daemon/registry/pusher.hpp"

#include <boost/system/system_error.hpp>

#include "daemon/registry/push_op.hpp"

namespace berth::registry {

namespace {

/// A refusal in the words that users and scripts know.
[[noreturn]] void explain(const RegistryError& error, const ImageReference& name) {
  if (error.status() == 401 || error.status() == 403) {
    throw Error(error.kind(),
                "push access denied for " + name.familiar_name() +
                    ", repository does not exist or may require authorization: " + error.what());
  }
  throw Error(error.kind(), error.what());
}

}  // namespace

Pusher::Pusher(asio::any_io_executor control, TransferThread& transfers, PushSourceFactory sources,
               Options options)
    : state_(std::make_shared<State>(std::move(control), transfers, std::move(sources),
                                     with_temporary_folder(std::move(options)))) {}

Pusher::~Pusher() = default;

Task<> Pusher::push(PushRequest request, ProgressSink sink) {
  const ImageReference name = request.name;
  if (!name.digest().empty()) {
    throw Error(ErrorKind::kInvalidArgument,
                "cannot push a digest reference: \"" + name.familiar() + "\"");
  }
  state_->thread.start();
  PushOp operation(state_, std::move(request), std::move(sink));
  try {
    co_await operation.run();
  } catch (const RegistryError& error) {
    explain(error, name);
  } catch (const boost::system::system_error& error) {
    rethrow_translated(error, "push of \"" + name.familiar() + "\"");
  }
}

Task<> Pusher::close() {
  co_await state_->remote.drained();
}

}  // namespace berth::registry
