// Back-off between attempts at the same request.
#pragma once

#include "daemon/registry/options.hpp"
#include "daemon/registry/session.hpp"

namespace berth::registry {

/// Count of attempts and the wait between them, for what keep_trying() does not do alone.
class Retry {
 public:
  /// Whether a host that cannot be reached at all is tried again; a first contact does not.
  enum class Unreachable { kFails, kRetries };

  Retry(const Options& options, Unreachable unreachable)
      : options_(options), unreachable_(unreachable) {}

  /// Call in a catch block: rethrows what cannot be mended by trying again, and the last attempt's
  /// error.
  void failed();
  /// Forgets the failures: there was progress since.
  void progressed() noexcept { attempts_ = 0; }
  /// Sleeps as long as the server asked, else twice as long as the time before.
  Task<> wait();

 private:
  const Options& options_;
  Unreachable unreachable_;
  unsigned attempts_ = 0;
  std::chrono::milliseconds asked_{0};
};

/// Calls `attempt` until it succeeds, or fails in a way that another attempt does not mend.
template <typename T, typename Attempt>
Task<T> keep_trying(const Options& options, Retry::Unreachable unreachable, Attempt attempt) {
  for (Retry retry(options, unreachable);;) {
    try {
      co_return co_await attempt();
    } catch (const Error&) {
      retry.failed();
    }
    co_await retry.wait();
  }
}

}  // namespace berth::registry
