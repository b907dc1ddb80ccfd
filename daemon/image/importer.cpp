#include "daemon/image/importer.hpp"

#include <exception>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/crypto/sha256.hpp"
#include "common/error.hpp"
#include "common/scope_guard.hpp"
#include "daemon/image/config.hpp"
#include "daemon/image/store.hpp"

namespace berth::image {

namespace {

/// Counts what is read, for progress.
class CountingReader : public ByteReader {
 public:
  CountingReader(std::unique_ptr<ByteReader> source, std::shared_ptr<ImportSignals> signals)
      : source_(std::move(source)), signals_(std::move(signals)) {}
  std::span<const std::byte> next() override {
    const auto block = source_->next();
    signals_->done.fetch_add(block.size(), std::memory_order_relaxed);
    return block;
  }

 private:
  std::unique_ptr<ByteReader> source_;
  std::shared_ptr<ImportSignals> signals_;
};

/// On the bulk pool.
Unpacked unpack_checked(const LayerImport& layer, const storage::LayerDraft& draft) {
  auto open = [&layer] {
    auto source = layer.open();
    if (!layer.signals) return source;
    return std::unique_ptr<ByteReader>(
        std::make_unique<CountingReader>(std::move(source), layer.signals));
  };
  const std::atomic<bool>* const stop = layer.signals ? &layer.signals->stop : nullptr;
  Unpacked unpacked = unpack_layer(open, draft.root.get(), draft.whiteouts, draft.recipe, stop);
  if (!layer.diff_id.empty() && unpacked.diff_id != layer.diff_id) {
    throw Error(ErrorKind::kInvalidArgument, "the tar's digest is " + unpacked.diff_id.str() +
                                                 ", the image's configuration says " +
                                                 layer.diff_id.str());
  }
  return unpacked;
}

}  // namespace

Task<storage::LayerHold> ImageImporter::add_layer(LayerImport layer) {
  // What began is finished or undone, whether or not the client waits for it; `signals` stops it.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const ChainId chain = chain_id(layer.parent, layer.diff_id);
  // A shared unpacking may have failed, or its result may be gone again: then it is our turn.
  while (!storage_.exists(chain)) {
    if (const auto running = running_.find(chain); running != running_.end()) {
      const std::shared_ptr<AsyncSignal> done = running->second;
      co_await done->wait();
      continue;
    }
    co_return co_await unpack(std::move(layer), chain);
  }
  co_return storage_.hold(chain);
}

Task<storage::LayerHold> ImageImporter::unpack(LayerImport layer, ChainId chain) {
  const auto done = std::make_shared<AsyncSignal>(control_);
  running_.emplace(chain, done);
  const ScopeGuard finish([&] {
    running_.erase(chain);
    done->set();
  });
  storage::LayerDraft draft = co_await storage_.begin_layer(layer.parent);
  storage::LayerInfo info;
  info.parent = layer.parent;
  info.size = (co_await fill(draft, layer)).size;
  // A copy of the chain: `finish` needs it yet.
  co_return co_await storage_.commit_layer(std::move(draft), chain, std::move(info));
}

Task<Unpacked> ImageImporter::fill(storage::LayerDraft& draft, const LayerImport& layer) {
  std::exception_ptr failure;
  try {
    auto work = [&layer, &draft] { return unpack_checked(layer, draft); };
    co_return co_await bulk_.run(std::move(work));
  } catch (...) {
    failure = std::current_exception();
  }
  co_await storage_.discard_draft(std::move(draft));
  try {
    std::rethrow_exception(failure);
  } catch (const Error&) {
    rethrow_with_context(layer.diff_id.empty() ? "the new layer" : "layer " + layer.diff_id.str());
  }
}

Task<ImageImporter::NewLayer> ImageImporter::add_new_layer(
    std::function<std::unique_ptr<ByteReader>()> open, ChainId parent) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  NewLayer made;
  if (!parent.empty()) made.hold = storage_.hold(parent);
  LayerImport layer;
  layer.open = std::move(open);
  layer.parent = parent;
  storage::LayerDraft draft = co_await storage_.begin_layer(parent);
  const Unpacked unpacked = co_await fill(draft, layer);
  if (unpacked.empty) {
    co_await storage_.discard_draft(std::move(draft));
    co_return made;
  }
  made.diff_id = unpacked.diff_id;
  storage::LayerInfo info{parent, unpacked.size};
  made.hold = co_await storage_.commit_layer(std::move(draft), chain_id(parent, made.diff_id),
                                             std::move(info));
  co_return made;
}

Task<ImportedImage> ImageImporter::add_child(ChildImage child) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  std::string parent_config;
  NewLayer layer;
  ChainId top;
  if (!child.parent.empty()) {
    const ImagePtr parent = store_.find(child.parent.str()).image;
    top = parent->document.top();
    if (!top.empty()) layer.hold = storage_.hold(top);
    parent_config = co_await store_.read_blob(Digest(parent->id.str()));
  }
  std::exception_ptr failure;
  try {
    if (child.open_layer) layer = co_await add_new_layer(std::move(child.open_layer), top);
    ImageImport import;
    import.config = child_config(parent_config, child, layer.diff_id, format_rfc3339(now()));
    if (child.name) import.names.push_back(*child.name);
    co_return co_await add_image(std::move(import));
  } catch (...) {
    failure = std::current_exception();
  }
  layer.hold.reset();
  storage_.sweep();
  std::rethrow_exception(failure);
}

Task<ImportedImage> ImageImporter::add_image(ImageImport image) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  ConfigDocument document = parse_config(image.config);
  // Held until the store holds it: a sweep may come while the disk is synced.
  storage::LayerHold top;
  if (!document.chains.empty()) top = storage_.hold(document.top());
  co_await storage_.sync();
  co_return co_await store_.add(std::move(image), std::move(document), std::move(top));
}

}  // namespace berth::image
