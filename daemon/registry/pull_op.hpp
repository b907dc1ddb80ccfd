// One pull, step by step: name to manifest, manifest to layers, layers into the store.
//
// Control thread. Private to the room.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/async/mutex.hpp"
#include "daemon/registry/progress.hpp"
#include "daemon/registry/puller.hpp"
#include "daemon/registry/remote.hpp"
#include "daemon/registry/task_group.hpp"
#include "daemon/registry/transfer.hpp"

namespace berth::registry {

/// What all pulls share.
struct Puller::State {
  State(asio::any_io_executor on_control, TransferThread& on, PullTargetFactory into,
        Options given);

  /// The lock of who unpacks that layer, so that two pulls do it once.
  std::shared_ptr<AsyncMutex> lock_of(const ChainId& chain);

  asio::any_io_executor control;
  TransferThread& thread;
  Remote remote;
  PullTargetFactory targets;
  Options options;
  Transfers transfers;
  std::map<ChainId, std::weak_ptr<AsyncMutex>> locks;
};

class PullOp {
 public:
  PullOp(std::shared_ptr<Puller::State> state, PullRequest request, ProgressSink sink);
  PullOp(const PullOp&) = delete;
  PullOp& operator=(const PullOp&) = delete;

  /// Returns only when all its coroutines have ended; the object must live so long.
  Task<> run();

 private:
  struct Layer {
    Descriptor blob;
    DiffId diff_id;
    ChainId chain;
    ChainId parent;
    /// The 12 digits that users see.
    std::string label;
    std::shared_ptr<WorkSignals> signals = std::make_shared<WorkSignals>();
  };

  Task<> pull_image();
  Task<> plan_layers();
  Task<> store_image();

  Task<> fetch_layer(std::size_t index);
  Task<Fd> download(Layer& layer);
  Task<Fd> await_transfer(Layer& layer, std::shared_ptr<Transfer> transfer);
  Task<> await_turn(std::size_t index);
  Task<> unpack(Layer& layer, Fd file);
  Task<> report_unpacking(Layer& layer, std::shared_ptr<AsyncSignal> ended);
  void on_stop();
  void check_stopped() const;

  std::shared_ptr<Puller::State> state_;
  PullRequest request_;
  ProgressSink sink_;
  std::unique_ptr<PullTarget> target_;
  ImageReference name_;
  std::shared_ptr<Source> source_;
  ResolvedManifest resolved_;
  ProgressQueue progress_;

  std::vector<Layer> layers_;
  std::vector<std::size_t> missing_;
  /// Missing layers that were unpacked, and that are being.
  std::size_t unpacked_ = 0;
  std::size_t unpacking_ = 0;
  AsyncSignal turn_;
  TaskGroup group_;
};

}  // namespace berth::registry
