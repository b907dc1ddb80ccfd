#include "client/stream/signal_source.hpp"

#include <cstring>

#include <sys/signalfd.h>

#include "common/error.hpp"

namespace berth::client {

SignalSource::SignalSource() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT,
                           SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGIO, SIGPWR}) {
    ::sigaddset(&wanted, signal);
  }
  (void)std::signal(SIGPIPE, SIG_IGN);
  check_errno(::sigprocmask(SIG_BLOCK, &wanted, &before_), "sigprocmask");
  fd_ = own_fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
}

SignalSource::~SignalSource() {
  (void)::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalSource::next() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? name : std::to_string(signal);
}

}  // namespace berth::client
