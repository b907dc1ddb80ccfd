#include "daemon/shim/session.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "common/error.hpp"

namespace berth::shim {

namespace {

constexpr int kSignalBase = 128;
constexpr int kCannotInvoke = 126;

}  // namespace

Session::Session(Loop& loop, SessionObserver& observer, std::string id, SessionClient client)
    : loop_(loop),
      observer_(observer),
      id_(std::move(id)),
      client_(std::move(client)),
      stdio_(loop, nullptr) {
  stdio_.when_detached([this] { observer_.on_detached(id_); });
}

Session::~Session() {
  if (!process_) return;
  loop_.remove(process_->control());
  loop_.remove(process_->pidfd());
}

void Session::start(runtime::Process process, runtime::EnterOptions options) {
  if (!process.terminal) {
    prepare_pipes(options.launch);
    attach();
  }
  process_.emplace(runtime::enter(std::move(process), options));
  process_ends_.clear();
  loop_.add(process_->control(), EPOLLIN, [this](std::uint32_t) { on_control(); });
}

void Session::refuse(const std::string& why) {
  process_.reset();
  process_ends_.clear();
  fail(why, kCannotInvoke);
}

/// Streams that nobody asked for are the null device.
void Session::prepare_pipes(runtime::LaunchOptions& options) {
  const AttachSettings& asked = client_.settings;
  const bool attached = static_cast<bool>(client_.socket);
  Pipe input;
  Pipe output;
  Pipe error;
  if (attached && asked.standard_input) input = make_pipe();
  if (attached && asked.standard_output) output = make_pipe();
  if (attached && asked.standard_error) error = make_pipe();
  options.standard_input = input.read.get();
  options.standard_output = output.write.get();
  options.standard_error = error.write.get();
  process_ends_.push_back(std::move(input.read));
  process_ends_.push_back(std::move(output.write));
  process_ends_.push_back(std::move(error.write));
  stdio_.use_pipes(std::move(input.write), std::move(output.read), std::move(error.read), true);
}

void Session::attach() {
  if (!client_.socket) return;
  stdio_.attach(std::move(client_.socket), client_.settings, client_.early_input);
  client_.early_input.clear();
}

void Session::on_control() {
  for (;;) {
    switch (process_->advance()) {
      case runtime::EnteringProcess::Progress::kNone:
        return;
      case runtime::EnteringProcess::Progress::kTerminal:
        stdio_.use_terminal(std::move(process_->terminal()));
        attach();
        break;
      case runtime::EnteringProcess::Progress::kRunning:
        loop_.remove(process_->control());
        process_->close_control();
        running_ = true;
        loop_.add(process_->pidfd(), EPOLLIN, [this](std::uint32_t) { on_end(); });
        observer_.on_started(id_, process_->pid());
        return;
      case runtime::EnteringProcess::Progress::kFailed: {
        loop_.remove(process_->control());
        const runtime::LaunchFailure failure = process_->failure();
        process_.reset();
        fail(failure.message, runtime::session_exit_code(failure));
        return;
      }
    }
  }
}

void Session::on_end() {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(process_->pidfd()), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0) {
    return;
  }
  loop_.remove(process_->pidfd());
  process_->reaped();
  over_ = true;
  // Told before the client's stream closes: whoever sees that may ask the daemon for the exit code.
  observer_.on_exited(id_,
                      info.si_code == CLD_EXITED ? info.si_status : kSignalBase + info.si_status);
  close_streams();
}

void Session::fail(const std::string& message, int exit_code) {
  over_ = true;
  observer_.on_failed(id_, message, exit_code);
  try {
    attach();
    stdio_.say(message + "\r\n");
  } catch (const Error&) {
    // The client's socket cannot be watched; it closes.
  }
  close_streams();
}

void Session::close_streams() {
  stdio_.drain([this] { observer_.on_closed(id_); });
}

void Session::kill() noexcept {
  if (process_ && !over_) process_->kill();
}

}  // namespace berth::shim
