// Downloads of layers: one a digest, however many pulls want it, and only so many at a time.
//
// Control thread, but for the work itself, which runs on the executor of transfers.
#pragma once

#include <deque>
#include <exception>
#include <memory>
#include <unordered_map>

#include "daemon/async/signal.hpp"
#include "daemon/registry/remote.hpp"
#include "daemon/registry/source.hpp"

namespace berth::registry {

/// A download in progress or done. It goes on as long as somebody holds it.
class Transfer {
 public:
  class Work;

  Transfer(const asio::any_io_executor& control, std::shared_ptr<Work> work);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  /// False while it waits for others to end.
  bool started() const noexcept { return started_; }
  /// Bytes that are there.
  std::uint64_t received() const noexcept;
  /// False when `timeout` came before the end.
  Task<bool> wait_for(std::chrono::nanoseconds timeout);
  bool failed() const noexcept { return failure_ != nullptr; }
  /// After the end: the content, in a new open file at its start; or throws why there is none.
  Fd open() const;

 private:
  friend class Transfers;

  std::shared_ptr<Work> work_;
  RemoteTask task_;
  AsyncSignal done_;
  std::exception_ptr failure_;
  bool started_ = false;
};

class Transfers {
 public:
  Transfers(Remote remote, unsigned max_concurrent);
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;
  ~Transfers();

  struct Joined {
    std::shared_ptr<Transfer> transfer;
    /// Another pull began it: when it fails, its source may be to blame.
    bool shared = false;
  };
  /// The transfer of that blob; a new one fetches it from `source`. Throws Error when there is no
  /// place for the file.
  Joined join(std::shared_ptr<Source> source, const Descriptor& blob);

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace berth::registry
