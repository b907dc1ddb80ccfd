#include "daemon/registry/puller.hpp"

#include <filesystem>

#include <boost/system/system_error.hpp>

#include "daemon/registry/pull_op.hpp"

namespace berth::registry {

namespace {

/// Asio's exceptions end here.
[[noreturn]] void translate(const boost::system::system_error& error, const std::string& what) {
  if (error.code() == asio::error::operation_aborted) {
    throw Error(ErrorKind::kCancelled, what + " was cancelled");
  }
  throw Error(ErrorKind::kInternal, what + ": " + error.what());
}

/// Returns true: a result is what Remote::call() hands over.
Task<bool> ping_registry(std::shared_ptr<Source> source, std::string registry,
                         Credentials credentials) {
  const auto endpoints = pull_endpoints(source->options, registry);
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.mirror) continue;
    Access access{{}, credentials};
    source->session =
        std::make_unique<Session>(source->client, source->options, endpoint, std::move(access));
    try {
      co_await source->session->ping();
      // The first one learns how to authenticate; only the next one is sent with a password.
      co_await source->session->ping();
      co_return true;
    } catch (const NetworkError& error) {
      if (&endpoint == &endpoints.back() || error.stage() == NetworkError::Stage::kTransfer) throw;
    }
  }
  co_return false;
}

}  // namespace

Puller::Puller(asio::any_io_executor control, TransferThread& transfers, PullTargetFactory targets,
               Options options) {
  if (options.temporary.empty()) options.temporary = std::filesystem::temp_directory_path();
  std::error_code ignored;  // a folder that is missing is reported by the first pull
  std::filesystem::create_directories(options.temporary, ignored);
  state_ = std::make_shared<State>(std::move(control), transfers, std::move(targets),
                                   std::move(options));
}

Puller::~Puller() = default;

Task<> Puller::pull(PullRequest request, ProgressSink sink) {
  const std::string what = "pull of \"" + request.name.familiar() + "\"";
  state_->thread.start();
  PullOp operation(state_, std::move(request), std::move(sink));
  try {
    co_await operation.run();
  } catch (const boost::system::system_error& error) {
    translate(error, what);
  }
}

Task<> Puller::check_credentials(std::string registry, Credentials credentials) {
  const std::string what = "login to \"" + registry + "\"";
  state_->thread.start();
  const auto source = make_source(state_->remote.network(), state_->options);
  Task<bool> ping = ping_registry(source, std::move(registry), std::move(credentials));
  try {
    co_await state_->remote.call(std::move(ping));
  } catch (const boost::system::system_error& error) {
    translate(error, what);
  }
}

Task<> Puller::close() {
  co_await state_->remote.drained();
}

}  // namespace berth::registry
