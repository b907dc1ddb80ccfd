// Pushes images: the operation behind `POST /images/{name}/push`.
//
// Control thread; sockets and hashing work on the thread of transfers.
#pragma once

#include <memory>
#include <optional>

#include "common/image_reference.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/registry/options.hpp"
#include "daemon/registry/progress.hpp"
#include "daemon/registry/push_source.hpp"
#include "daemon/registry/transfer_thread.hpp"

namespace berth::registry {

struct PushRequest {
  /// Without a tag all of the repository's tags are meant.
  ImageReference name;
  Credentials credentials;
  /// What the image must be made for, if that matters.
  std::optional<Platform> platform;
};

class Pusher {
 public:
  /// `transfers` must outlive the pusher.
  Pusher(asio::any_io_executor control, TransferThread& transfers, PushSourceFactory sources,
         Options options);
  Pusher(const Pusher&) = delete;
  Pusher& operator=(const Pusher&) = delete;
  ~Pusher();

  /// Returns when the registry has image and tag. A layer is sent only when the repository has it
  /// not and cannot have it from another of the same registry. When the calling coroutine is
  /// cancelled or the sink throws, uploads end. Throws Error: kNotFound for an unknown image,
  /// kForbidden or kUnauthorized, kUnavailable when the registry cannot be reached, kCancelled.
  Task<> push(PushRequest request, ProgressSink sink);

  /// At shut-down, when every push has ended: returns when nothing of them is left on the thread of
  /// transfers.
  Task<> close();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace berth::registry
