// Pulls images: the operation behind `POST /images/create?fromImage=`.
//
// Control thread; sockets, hashing and temporary files work on the thread of transfers.
#pragma once

#include <memory>
#include <string>

#include "common/image_reference.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/registry/options.hpp"
#include "daemon/registry/progress.hpp"
#include "daemon/registry/target.hpp"
#include "daemon/registry/transfer_thread.hpp"

namespace berth::registry {

struct PullRequest {
  /// Without tag and digest it is the tag "latest"; with both the digest counts.
  ImageReference name;
  /// "linux/arm64"; empty for the host's.
  std::string platform;
  Credentials credentials;
};

class Puller {
 public:
  /// `transfers` must outlive the puller.
  Puller(asio::any_io_executor control, TransferThread& transfers, PullTargetFactory targets,
         Options options);
  Puller(const Puller&) = delete;
  Puller& operator=(const Puller&) = delete;
  ~Puller();

  /// Returns when the image is in the store. When the calling coroutine is cancelled or the sink
  /// throws, downloads that no other pull waits for are given up; layers that were finished stay
  /// for the next try. Throws Error: kNotFound for an unknown image or no access, kInvalidArgument
  /// for malformed names and platforms, kUnavailable when the registry cannot be reached,
  /// kCancelled.
  Task<> pull(PullRequest request, ProgressSink sink);

  /// At shut-down, when every pull has ended: returns when nothing of them is left on the thread of
  /// transfers.
  Task<> close();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace berth::registry
