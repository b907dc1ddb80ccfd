// One push, step by step: image to layers, layers to the registry, and the manifest last.
//
// Control thread. Private to the room.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/registry/progress.hpp"
#include "daemon/registry/pusher.hpp"
#include "daemon/registry/remote.hpp"
#include "daemon/registry/source.hpp"
#include "daemon/registry/task_group.hpp"

namespace berth::registry {

/// What all pushes share.
struct Pusher::State {
  State(asio::any_io_executor on_control, TransferThread& on, PushSourceFactory from,
        Options given);

  asio::any_io_executor control;
  TransferThread& thread;
  Remote remote;
  PushSourceFactory sources;
  Options options;
  /// Layers that are being compressed or sent.
  unsigned active = 0;
  AsyncSignal freed;
};

class PushOp {
 public:
  PushOp(std::shared_ptr<Pusher::State> state, PushRequest request, ProgressSink sink);
  PushOp(const PushOp&) = delete;
  PushOp& operator=(const PushOp&) = delete;

  /// Returns only when all its coroutines have ended; the object must live so long.
  Task<> run();

 private:
  struct Layer {
    PushedLayer content;
    /// The 12 digits that users see.
    std::string label;
    std::shared_ptr<OutgoingBlob> outgoing;
  };

  /// An upload as its progress sees it.
  struct Uploading {
    Uploading(std::shared_ptr<OutgoingBlob> given, asio::any_io_executor control)
        : blob(std::move(given)), ended(std::move(control)) {}

    std::shared_ptr<OutgoingBlob> blob;
    /// Bytes of the uncompressed archive, and of the blob.
    std::shared_ptr<std::atomic<std::uint64_t>> consumed = make_count();
    std::shared_ptr<std::atomic<std::uint64_t>> sent = make_count();
    AsyncSignal ended;

   private:
    static std::shared_ptr<std::atomic<std::uint64_t>> make_count() {
      return std::make_shared<std::atomic<std::uint64_t>>(0);
    }
  };

  Task<> push_all();
  Access access_to(const std::vector<PushedImage>& images) const;
  Task<> push_tag(ImageReference name, PushedImage image);
  void check_platform(const PushedImage& image) const;
  void plan_layers(const PushedImage& image);
  Task<> await_layers();
  Task<> finish(const ImageReference& name, PushedImage image);

  Task<> push_layer(std::size_t index);
  Task<> await_turn();
  Task<bool> reuse_blob(Layer& layer);
  Task<bool> try_known(Layer& layer, const KnownBlob& known);
  Task<> upload(Layer& layer);
  Task<> arrived(const Layer& layer, Descriptor blob);
  Task<> report_upload(std::string label, std::uint64_t size, std::shared_ptr<Uploading> upload);
  void on_stop();
  void check_stopped() const;

  std::shared_ptr<Pusher::State> state_;
  PushRequest request_;
  ProgressSink sink_;
  std::unique_ptr<PushSource> store_;
  std::shared_ptr<Source> target_;
  ProgressQueue progress_;

  /// Of the tag that is being pushed.
  std::vector<Layer> layers_;
  /// What the repository has, by this push's doing or finding.
  std::map<DiffId, Descriptor> there_;
  std::size_t done_ = 0;
  AsyncSignal one_done_;
  TaskGroup group_;
};

}  // namespace berth::registry
