// Sessions: further programs in a container, which its shim runs (daemon/shim/sessions.hpp).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/fd.hpp"

namespace berth::shim {

struct AttachRequest {
  bool standard_input = false;
  bool standard_output = false;
  bool standard_error = false;
  bool multiplexed = false;
  std::string detach_keys;
  std::string early_bytes;
};

struct SessionRequest {
  std::string id;
  std::string document;  // {process, memo}
  std::vector<std::byte> seccomp_filter;
  AttachRequest attach;
  Fd stream;  // of the client; empty: nobody is attached
};

/// What became of a session.
struct SessionEvent {
  enum class Kind { kStarted, kFailed, kExited, kDetached };
  Kind kind = Kind::kStarted;
  std::string id;
  int pid = 0;        // of kStarted
  int exit_code = 0;  // of kFailed and kExited
  std::string message;
};
using SessionWatcher = std::function<void(const SessionEvent&)>;

/// A session that the shim knew when the daemon connected to it.
struct KnownSession {
  std::string id;
  std::string memo;
  int pid = 0;  // 0: its program does not run yet
  std::optional<int> exit_code;
};

}  // namespace berth::shim
