// GET /containers/{id}/logs
#pragma once

#include <filesystem>
#include <string_view>

#include "daemon/container/services.hpp"
#include "daemon/log/reader.hpp"

namespace berth::container {

/// Where a log goes: a client.
class LogClient {
 public:
  virtual ~LogClient() = default;
  /// Called on a pool, and may block there for a moment. False when the client does not take all of
  /// it now: then drain() comes before the next piece. Throws Error{kCancelled} when it is gone.
  virtual bool send(std::string_view piece) = 0;
  /// Called on the control thread.
  virtual Task<> drain() = 0;
};

/// Where and how a container's log is kept. Throws Error{kNotImplemented} for a log driver whose
/// logs cannot be read.
struct KeptLog {
  std::filesystem::path file;
  logs::Format format;
};
KeptLog kept_log(const Settings& settings, const Container& container);

/// Gives what `options` choose to the client; with `follow` until the container stops.
Task<> read_logs(Services& services, ContainerPtr container, logs::ReadOptions options, bool follow,
                 LogClient& client);

}  // namespace berth::container
