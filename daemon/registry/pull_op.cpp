#include "daemon/registry/pull_op.hpp"

#include <algorithm>
#include <thread>

#include <boost/asio/this_coro.hpp>

#include "common/ids.hpp"
#include "common/scope_guard.hpp"

namespace berth::registry {

namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);

/// Layers unpacked at a time: one thread of the bulk pool at least is left to others.
std::size_t unpack_limit() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 3);
}

ImageReference pulled_name(const ImageReference& asked) {
  return asked.digest().empty() ? asked.with_default_tag() : asked.with_digest(asked.digest());
}

}  // namespace

Puller::State::State(asio::any_io_executor on_control, TransferThread& on, PullTargetFactory into,
                     Options given)
    : control(on_control),
      thread(on),
      remote(on_control, on.executor()),
      targets(std::move(into)),
      options(std::move(given)),
      transfers(remote, options.max_concurrent_downloads) {}

std::shared_ptr<AsyncMutex> Puller::State::lock_of(const ChainId& chain) {
  std::erase_if(locks, [](const auto& known) { return known.second.expired(); });
  auto lock = locks[chain].lock();
  if (!lock) {
    lock = std::make_shared<AsyncMutex>(control);
    locks[chain] = lock;
  }
  return lock;
}

PullOp::PullOp(std::shared_ptr<Puller::State> state, PullRequest request, ProgressSink sink)
    : state_(std::move(state)),
      request_(std::move(request)),
      sink_(std::move(sink)),
      target_(state_->targets()),
      name_(pulled_name(request_.name)),
      progress_(state_->control),
      turn_(state_->control),
      group_(state_->control, [this] { on_stop(); }) {}

Task<> PullOp::run() {
  return group_.run(pull_image(), progress_.drain(sink_));
}

void PullOp::on_stop() {
  for (const Layer& layer : layers_)
    layer.signals->stop = true;
  turn_.set();
  progress_.close();
}

void PullOp::check_stopped() const {
  if (group_.stopped()) throw Error(ErrorKind::kCancelled, "the pull was cancelled");
}

Task<> PullOp::pull_image() {
  std::optional<Platform> platform;
  if (!request_.platform.empty()) platform = parse_platform(request_.platform);
  source_ = make_source(state_->remote.network(), state_->options);
  Task<ResolvedManifest> resolve =
      resolve_manifest(source_, name_, request_.credentials, std::move(platform));
  resolved_ = co_await state_->remote.call(std::move(resolve));
  progress_.status("Pulling from " + name_.repository(), manifest_reference(name_));
  if (!co_await target_->has_image(resolved_.image.config.digest)) {
    co_await plan_layers();
    for (const std::size_t index : missing_)
      group_.spawn(fetch_layer(index));
    while (unpacked_ < missing_.size()) {
      turn_.reset();
      co_await turn_.wait();
      check_stopped();
    }
  }
  co_await store_image();
  progress_.close();
}

Task<> PullOp::plan_layers() {
  ChainId parent;
  for (std::size_t i = 0; i < resolved_.image.layers.size(); ++i) {
    Layer layer;
    layer.blob = resolved_.image.layers[i];
    layer.diff_id = resolved_.summary.diff_ids[i];
    layer.parent = parent;
    layer.chain = chain_id(parent, layer.diff_id);
    layer.label = short_id(digest_hex(layer.blob.digest.str()));
    parent = layer.chain;
    layers_.push_back(std::move(layer));
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (co_await target_->has_layer(layers_[i].chain)) {
      progress_.layer("Already exists", layers_[i].label);
    } else {
      progress_.layer("Pulling fs layer", layers_[i].label);
      missing_.push_back(i);
    }
  }
}

Task<> PullOp::store_image() {
  // What changes the store is not left half done because the client went away.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  PulledImage image(name_);
  image.config = std::move(resolved_.config);
  image.config_digest = resolved_.image.config.digest;
  image.manifest = std::move(resolved_.manifest.body);
  image.manifest_type = resolved_.manifest.media_type;
  image.name_digest = resolved_.name_digest;
  for (std::size_t i = 0; i < resolved_.image.layers.size(); ++i)
    image.blobs.emplace_back(resolved_.summary.diff_ids[i], resolved_.image.layers[i]);
  const bool changed = co_await target_->add_image(std::move(image));
  progress_.status("Digest: " + resolved_.name_digest.str());
  progress_.status(
      (changed ? "Status: Downloaded newer image for " : "Status: Image is up to date for ") +
      name_.familiar());
}

Task<> PullOp::fetch_layer(std::size_t index) {
  Layer& layer = layers_[index];
  Fd file = co_await download(layer);
  progress_.layer("Verifying Checksum", layer.label);
  progress_.layer("Download complete", layer.label);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await await_turn(index);
  ++unpacking_;
  ScopeGuard leave([this] {
    --unpacking_;
    turn_.set();
  });
  co_await unpack(layer, std::move(file));
  progress_.layer("Pull complete", layer.label);
  ++unpacked_;
}

Task<Fd> PullOp::download(Layer& layer) {
  Transfers::Joined joined = state_->transfers.join(source_, layer.blob);
  if (!joined.transfer->started()) progress_.layer("Waiting", layer.label);
  const bool shared = joined.shared;
  const auto transfer = joined.transfer;
  try {
    co_return co_await await_transfer(layer, transfer);
  } catch (const Error&) {
    // Another pull's registry may have failed where this one's does not.
    if (!shared || group_.stopped()) throw;
  }
  Transfers::Joined again = state_->transfers.join(source_, layer.blob);
  co_return co_await await_transfer(layer, again.transfer);
}

Task<Fd> PullOp::await_transfer(Layer& layer, std::shared_ptr<Transfer> transfer) {
  std::uint64_t shown = 0;
  while (!co_await transfer->wait_for(kProgressInterval)) {
    check_stopped();
    const std::uint64_t received = transfer->received();
    if (received == shown) continue;
    shown = received;
    progress_.progress("Downloading", layer.label, received, layer.blob.size);
  }
  co_return transfer->open();
}

Task<> PullOp::await_turn(std::size_t index) {
  const bool parallel = target_->unpacks_in_parallel();
  const std::size_t limit = parallel ? unpack_limit() : 1;
  for (;;) {
    check_stopped();
    if (unpacking_ < limit && (parallel || missing_[unpacked_] == index)) co_return;
    turn_.reset();
    co_await turn_.wait();
  }
}

Task<> PullOp::unpack(Layer& layer, Fd file) {
  const auto mutex = state_->lock_of(layer.chain);
  const auto lock = co_await mutex->lock();
  if (co_await target_->has_layer(layer.chain)) co_return;
  check_stopped();
  LayerBlob blob;
  blob.file = std::move(file);
  blob.digest = layer.blob.digest;
  blob.size = layer.blob.size;
  blob.media_type = layer.blob.media_type;
  blob.diff_id = layer.diff_id;
  blob.chain = layer.chain;
  blob.parent = layer.parent;
  blob.signals = layer.signals;
  const auto ended = std::make_shared<AsyncSignal>(state_->control);
  group_.spawn(report_unpacking(layer, ended));
  ScopeGuard end_report([ended] { ended->set(); });
  co_await target_->add_layer(std::move(blob));
}

Task<> PullOp::report_unpacking(Layer& layer, std::shared_ptr<AsyncSignal> ended) {
  std::uint64_t shown = 0;
  while (!co_await ended->wait_for(kProgressInterval)) {
    const std::uint64_t done = std::min(layer.signals->done.load(), layer.blob.size);
    if (done == shown) continue;
    shown = done;
    progress_.progress("Extracting", layer.label, done, layer.blob.size);
  }
}

}  // namespace berth::registry
