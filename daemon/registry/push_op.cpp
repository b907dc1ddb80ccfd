#include "daemon/registry/push_op.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <boost/asio/this_coro.hpp>

#include "common/ids.hpp"
#include "common/scope_guard.hpp"
#include "daemon/registry/upload.hpp"

namespace berth::registry {

namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);
/// Questions and offers a layer, at most: each costs a round trip.
constexpr std::size_t kMaxKnownTried = 4;

// What runs on the thread of transfers owns all it uses, since nobody may wait for its end.

Task<bool> blob_is_there(std::shared_ptr<Source> target, Digest digest) {
  const auto size = co_await find_blob(*target->session, std::move(digest), target->options);
  co_return size.has_value();
}

Task<bool> blob_was_mounted(std::shared_ptr<Source> target, Digest digest, std::string from) {
  co_return co_await mount_blob(*target->session, std::move(digest), std::move(from),
                                target->options);
}

Task<Descriptor> send_blob(std::shared_ptr<Source> target, std::shared_ptr<OutgoingBlob> blob,
                           std::shared_ptr<std::atomic<std::uint64_t>> sent) {
  co_await upload_blob(*target->session, blob, std::move(sent), target->options);
  co_return blob->descriptor();
}

Task<Digest> send_manifest(std::shared_ptr<Source> target, std::string config, std::string tag,
                           ManifestDocument manifest) {
  co_await upload_document(*target->session, std::move(config), target->options);
  co_return co_await put_manifest(*target->session, std::move(tag), std::move(manifest.media_type),
                                  std::move(manifest.body), target->options);
}

/// The registry has it, in another repository.
bool is_mountable(const KnownBlob& known, const ImageReference& name) {
  return known.registry == name.registry() && known.repository != name.repository();
}

/// First what this very repository should have, then what its registry can mount, then the rest.
std::vector<KnownBlob> in_order_of_hope(const std::vector<KnownBlob>& known,
                                        const ImageReference& name) {
  std::array<std::vector<KnownBlob>, 3> ranks;
  for (const KnownBlob& place : known) {
    const bool here = place.registry == name.registry();
    const bool same = here && place.repository == name.repository();
    ranks.at(same ? 0 : here ? 1 : 2).push_back(place);
  }
  std::vector<KnownBlob> ordered;
  for (const auto& rank : ranks)
    ordered.insert(ordered.end(), rank.begin(), rank.end());
  ordered.resize(std::min(ordered.size(), kMaxKnownTried));
  return ordered;
}

}  // namespace

Pusher::State::State(asio::any_io_executor on_control, TransferThread& on, PushSourceFactory from,
                     Options given)
    : control(on_control),
      thread(on),
      remote(on_control, on.executor()),
      sources(std::move(from)),
      options(std::move(given)),
      freed(on_control) {}

PushOp::PushOp(std::shared_ptr<Pusher::State> state, PushRequest request, ProgressSink sink)
    : state_(std::move(state)),
      request_(std::move(request)),
      sink_(std::move(sink)),
      store_(state_->sources()),
      progress_(state_->control),
      one_done_(state_->control),
      group_(state_->control, [this] { on_stop(); }) {}

Task<> PushOp::run() {
  return group_.run(push_all(), progress_.drain(sink_));
}

void PushOp::on_stop() {
  for (const Layer& layer : layers_) {
    if (layer.outgoing) layer.outgoing->abandon();
  }
  one_done_.set();
  state_->freed.set();
  progress_.close();
}

void PushOp::check_stopped() const {
  if (group_.stopped()) throw Error(ErrorKind::kCancelled, "the push was cancelled");
}

Task<> PushOp::push_all() {
  std::vector<ImageReference> names{request_.name};
  if (request_.name.tag().empty()) names = store_->tags_of(request_.name);
  if (names.empty()) {
    throw Error(ErrorKind::kNotFound,
                "An image does not exist locally with the tag: " + request_.name.familiar_name());
  }
  // Before the registry is asked: a name that is unknown here needs no network.
  std::vector<PushedImage> images;
  for (const ImageReference& name : names) {
    images.push_back(co_await store_->open(name));
    check_platform(images.back());
  }
  progress_.status("The push refers to repository [" + request_.name.name() + "]");
  target_ = make_source(state_->remote.network(), state_->options);
  Task<bool> connecting = connect(target_, request_.name.registry(), access_to(images));
  co_await state_->remote.call(std::move(connecting));
  for (std::size_t i = 0; i < names.size(); ++i) {
    co_await push_tag(names[i], std::move(images[i]));
    // The end of one tag may not be cancelled, the next one may.
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    check_stopped();
  }
  progress_.close();
}

Access PushOp::access_to(const std::vector<PushedImage>& images) const {
  const ImageReference& name = request_.name;
  std::set<std::string> mounts;
  for (const PushedImage& image : images) {
    for (const PushedLayer& layer : image.layers) {
      for (const KnownBlob& known : in_order_of_hope(layer.known, name)) {
        if (is_mountable(known, name)) mounts.insert(known.repository);
      }
    }
  }
  return {name.repository(), request_.credentials, true, {mounts.begin(), mounts.end()}};
}

Task<> PushOp::push_tag(ImageReference name, PushedImage image) {
  plan_layers(image);
  for (std::size_t i = layers_.size(); i > 0; --i)
    progress_.layer("Preparing", layers_[i - 1].label);
  for (std::size_t i = 0; i < layers_.size(); ++i)
    group_.spawn(push_layer(i));
  co_await await_layers();
  co_await finish(name, std::move(image));
}

void PushOp::check_platform(const PushedImage& image) const {
  if (!request_.platform) return;
  const Platform actual = parse_config(image.config).platform;
  if (serves(actual, *request_.platform)) return;
  throw Error(ErrorKind::kNotFound, "image \"" + request_.name.familiar() + "\" is for " +
                                        actual.str() + ", and not for " + request_.platform->str());
}

void PushOp::plan_layers(const PushedImage& image) {
  layers_.clear();
  done_ = 0;
  for (const PushedLayer& content : image.layers) {
    // An image may have a layer twice, and needs it once.
    const bool twice = std::any_of(layers_.begin(), layers_.end(), [&](const Layer& layer) {
      return layer.content.diff_id == content.diff_id;
    });
    if (twice) continue;
    Layer layer;
    layer.content = content;
    layer.content.known = in_order_of_hope(content.known, request_.name);
    layer.label = short_id(digest_hex(content.diff_id.str()));
    layers_.push_back(std::move(layer));
  }
}

Task<> PushOp::await_layers() {
  while (done_ < layers_.size()) {
    one_done_.reset();
    co_await one_done_.wait();
    check_stopped();
  }
}

Task<> PushOp::push_layer(std::size_t index) {
  Layer& layer = layers_[index];
  co_await await_turn();
  ++state_->active;
  ScopeGuard leave([this] {
    --state_->active;
    state_->freed.set();
  });
  if (there_.contains(layer.content.diff_id)) {
    progress_.layer("Layer already exists", layer.label);  // by another tag of this push
  } else if (!co_await reuse_blob(layer)) {
    co_await upload(layer);
  }
  layer.outgoing.reset();
  ++done_;
  one_done_.set();
}

Task<> PushOp::await_turn() {
  while (state_->active >= std::max(1U, state_->options.max_concurrent_uploads)) {
    state_->freed.reset();
    co_await state_->freed.wait();
    check_stopped();
  }
}

Task<bool> PushOp::reuse_blob(Layer& layer) {
  for (const KnownBlob& known : layer.content.known) {
    if (!co_await try_known(layer, known)) continue;
    co_await arrived(layer, known.blob);
    co_return true;
  }
  co_return false;
}

Task<bool> PushOp::try_known(Layer& layer, const KnownBlob& known) {
  if (is_mountable(known, request_.name)) {
    Task<bool> mount = blob_was_mounted(target_, known.blob.digest, known.repository);
    if (!co_await state_->remote.call(std::move(mount))) co_return false;
    progress_.layer("Mounted from " + known.repository, layer.label);
    co_return true;
  }
  Task<bool> look = blob_is_there(target_, known.blob.digest);
  if (!co_await state_->remote.call(std::move(look))) co_return false;
  progress_.layer("Layer already exists", layer.label);
  co_return true;
}

Task<> PushOp::upload(Layer& layer) {
  const auto blob =
      std::make_shared<OutgoingBlob>(state_->remote.network(), state_->options.temporary);
  layer.outgoing = blob;
  const auto uploading = std::make_shared<Uploading>(blob, state_->control);
  ScopeGuard give_up([uploading] {
    uploading->blob->abandon();
    uploading->ended.set();
  });
  group_.spawn(store_->compress(layer.content.diff_id, blob, uploading->consumed));
  group_.spawn(report_upload(layer.label, layer.content.size, uploading));
  Task<Descriptor> sending = send_blob(target_, blob, uploading->sent);
  Descriptor sent = co_await state_->remote.call(std::move(sending));
  progress_.progress("Pushing", layer.label, layer.content.size, layer.content.size);
  progress_.layer("Pushed", layer.label);
  co_await arrived(layer, std::move(sent));
}

Task<> PushOp::arrived(const Layer& layer, Descriptor blob) {
  there_[layer.content.diff_id] = blob;
  KnownBlob place{std::move(blob), request_.name.registry(), request_.name.repository()};
  co_await store_->remember(layer.content.diff_id, std::move(place));
}

Task<> PushOp::report_upload(std::string label, std::uint64_t size,
                             std::shared_ptr<Uploading> upload) {
  std::uint64_t shown = 0;
  while (!co_await upload->ended.wait_for(kProgressInterval)) {
    // Users know the layer's uncompressed size: what was sent is shown as a part of that.
    const auto made = static_cast<double>(std::max<std::uint64_t>(upload->blob->made(), 1));
    const double part = std::min(1.0, static_cast<double>(*upload->sent) / made);
    const auto now = static_cast<std::uint64_t>(part * static_cast<double>(*upload->consumed));
    if (now <= shown) continue;
    shown = std::min(now, size);
    progress_.progress("Pushing", label, shown, size);
  }
}

Task<> PushOp::finish(const ImageReference& name, PushedImage image) {
  std::vector<Descriptor> blobs;
  for (const PushedLayer& content : image.layers)
    blobs.push_back(there_.at(content.diff_id));
  ManifestDocument manifest{std::move(image.manifest_type), std::move(image.manifest)};
  // What another engine wrote keeps its digest, as long as its layers are what it says.
  if (!describes(manifest, image.config, blobs)) manifest = make_manifest(image.config, blobs);
  const std::size_t size = manifest.body.size();
  Task<Digest> sending =
      send_manifest(target_, std::move(image.config), name.tag(), std::move(manifest));
  const Digest digest = co_await state_->remote.call(std::move(sending));
  // What the registry has by now is told to the store, even if the client goes away.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await store_->pushed(name, digest);
  progress_.status(name.tag() + ": digest: " + digest.str() + " size: " + std::to_string(size));
  progress_.aux({{"Tag", name.tag()}, {"Digest", digest.str()}, {"Size", size}});
}

}  // namespace berth::registry
