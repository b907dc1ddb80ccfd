// Commands that the daemon itself runs in a container.
#include <algorithm>
#include <array>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <signal.h>
#include <sys/socket.h>

#include "daemon/container/exec_op.hpp"

namespace berth::container {

namespace {

// After SIGKILL the kernel owes us the end, and the shim closes what somebody else keeps open.
constexpr std::chrono::seconds kEndLimit{10};
constexpr std::chrono::seconds kOutputLimit{40};

/// Reads a stream to its end and keeps the beginning.
class Capture {
 public:
  Capture(const asio::any_io_executor& executor, Fd stream, std::size_t limit)
      : stream_(executor, stream.release()), done_(executor), limit_(limit) {}

  Task<> read() {
    std::array<char, 16384> buffer;
    boost::system::error_code error;
    for (;;) {
      const std::size_t got = co_await stream_.async_read_some(
          asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      const std::size_t taken = std::min(got, limit_ - output_.size());
      output_.append(buffer.data(), taken);
      cut_ = cut_ || taken < got;
    }
    done_.set();
  }

  Task<bool> wait_for(std::chrono::nanoseconds limit) { return done_.wait_for(limit); }
  void stop() { stream_.close(); }
  std::string take() { return std::move(output_); }
  bool is_cut() const noexcept { return cut_; }

 private:
  asio::posix::stream_descriptor stream_;
  AsyncSignal done_;
  std::size_t limit_;
  std::string output_;
  bool cut_ = false;
};

Task<bool> ends_in_time(ExecPtr exec, std::chrono::nanoseconds timeout) {
  if (timeout.count() > 0) co_return co_await exec->ended.wait_for(timeout);
  co_await exec->ended.wait();
  co_return true;
}

void kill(const FoundExec& found) {
  // Without a shim the container is over, and its sessions with it.
  if (found.container->shim) found.container->shim->kill_session(found.exec->id);
}

}  // namespace

Task<CommandResult> run_command(Services& services, ContainerPtr container, Command command) {
  api::ExecCreateRequest request;
  request.attach_stdout = true;
  request.attach_stderr = true;
  request.cmd = std::move(command.arguments);
  request.env = std::move(command.env);
  request.user = std::move(command.user);
  const FoundExec found{container, create_exec(services, container, std::move(request))};
  SocketPair ends = make_socket_pair(SOCK_STREAM);
  set_nonblocking(ends.first.get(), true);
  const auto capture =
      std::make_shared<Capture>(services.control, std::move(ends.first), command.output_limit);
  ExecClient client;
  client.stream = std::move(ends.second);
  start_exec(services, found, std::nullopt, std::move(client));
  services.tasks.spawn("output of exec " + found.exec->id,
                       [capture]() -> Task<> { return capture->read(); });
  CommandResult result;
  result.timed_out = !co_await ends_in_time(found.exec, command.timeout);
  if (result.timed_out) {
    kill(found);
    if (!co_await found.exec->ended.wait_for(kEndLimit)) {
      capture->stop();
      throw Error(ErrorKind::kDeadline, "exec " + found.exec->id + " does not end");
    }
  }
  if (!co_await capture->wait_for(kOutputLimit)) capture->stop();
  result.exit_code = *found.exec->exit_code;
  result.output = capture->take();
  result.output_cut = capture->is_cut();
  co_return result;
}

}  // namespace berth::container
