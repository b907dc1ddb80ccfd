#include "daemon/image/push_source.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <thread>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/error.hpp"
#include "daemon/async/thread_work.hpp"
#include "daemon/image/gzip.hpp"
#include "daemon/image/outgoing.hpp"
#include "daemon/image/store.hpp"
#include "daemon/image/tar_recipe.hpp"

namespace berth::image {

namespace {

/// The layer's archive, compressed; failures become the blob's.
void compress_layer(const storage::LayerPlace& place, registry::OutgoingBlob& blob,
                    std::atomic<std::uint64_t>& consumed) noexcept {
  try {
    Gzip gzip([&blob](std::span<const std::byte> bytes) { blob.append(bytes); },
              std::clamp(std::thread::hardware_concurrency(), 1U, 8U));
    rebuild_tar(place, [&](std::string_view piece) {
      gzip.feed(std::as_bytes(std::span(piece)));
      consumed += piece.size();
    });
    gzip.finish();
    blob.finish(std::string(registry::kDockerLayerGzip));
  } catch (...) {
    blob.fail(std::current_exception());
  }
}

class PushSource final : public registry::PushSource {
 public:
  explicit PushSource(PushContext context) : context_(std::move(context)) {}

  std::vector<ImageReference> tags_of(const ImageReference& repository) override {
    return context_.images.store().tags_of(repository);
  }

  Task<registry::PushedImage> open(ImageReference name) override {
    const ImagePtr image = find(name);
    OutgoingImage outgoing =
        co_await read_outgoing(context_.images.store(), context_.storage, context_.fast, image);
    registry::PushedImage pushed;
    pushed.config = std::move(outgoing.config);
    pushed.manifest_type = image->manifest_type;
    if (!image->manifest.empty()) {
      pushed.manifest = co_await context_.images.store().read_blob(image->manifest);
    }
    auto known = co_await context_.images.store().known_blobs(image);
    for (std::size_t i = 0; i < outgoing.layers.size(); ++i) {
      const OutgoingLayer& layer = outgoing.layers[i];
      places_[layer.diff_id] = layer.place;
      pushed.layers.push_back({layer.diff_id, layer.size, std::move(known[i])});
    }
    opened_[name] = image->id;
    holds_.push_back(std::move(outgoing.hold));
    co_return pushed;
  }

  Task<> compress(DiffId layer, std::shared_ptr<registry::OutgoingBlob> blob,
                  std::shared_ptr<std::atomic<std::uint64_t>> consumed) override {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    ThreadWork work(context_.control, [place = places_.at(layer), blob, consumed] {
      compress_layer(place, *blob, *consumed);
    });
    co_await work.finish();
  }

  Task<> remember(DiffId layer, registry::KnownBlob place) override {
    return context_.images.remember_blob({std::move(layer), std::move(place)});
  }

  Task<> pushed(ImageReference name, Digest digest) override {
    // Not what the name leads to by now: it may have been given to another image meanwhile.
    const ImageId id = opened_.at(name);
    co_await context_.images.add_digest(id, name.with_digest(digest));
    context_.images.publish("push", id, name.familiar());
  }

 private:
  ImagePtr find(const ImageReference& name) const {
    try {
      return context_.images.store().find(name.str()).image;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kNotFound) throw;
    }
    throw Error(ErrorKind::kNotFound,
                "An image does not exist locally with the tag: " + name.familiar_name());
  }

  PushContext context_;
  std::map<ImageReference, ImageId> opened_;
  std::map<DiffId, storage::LayerPlace> places_;
  std::vector<storage::LayerHold> holds_;
};

}  // namespace

registry::PushSourceFactory push_sources(PushContext context) {
  return [context = std::move(context)] { return std::make_unique<PushSource>(context); };
}

}  // namespace berth::image
