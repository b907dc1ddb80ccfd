// Signals as something to read, while the object lives (signalfd(2)).
#pragma once

#include <csignal>
#include <optional>
#include <string>

#include "common/fd.hpp"

namespace berth::client {

class SignalSource {
 public:
  /// Takes every signal that has a meaning for a container, and SIGWINCH. SIGPIPE is ignored from
  /// here on, so that write(2) fails instead.
  SignalSource();
  SignalSource(const SignalSource&) = delete;
  SignalSource& operator=(const SignalSource&) = delete;
  ~SignalSource();

  int fd() const noexcept { return fd_.get(); }
  /// The next one that came, nothing when there is none.
  std::optional<int> next();

 private:
  sigset_t before_{};
  Fd fd_;
};

/// "INT" for SIGINT.
std::string signal_name(int signal);

}  // namespace berth::client
