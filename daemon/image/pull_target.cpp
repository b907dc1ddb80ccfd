#include "daemon/image/pull_target.hpp"

#include "common/error.hpp"
#include "daemon/image/store.hpp"

namespace berth::image {

namespace {

/// Counts for the pull's progress, and asks it whether to go on.
class PulledFile : public ByteReader {
 public:
  PulledFile(Fd file, std::shared_ptr<registry::WorkSignals> signals)
      : file_(std::move(file)), signals_(std::move(signals)) {}

  std::span<const std::byte> next() override {
    if (signals_->stop.load(std::memory_order_relaxed)) {
      throw Error(ErrorKind::kCancelled, "the pull was cancelled");
    }
    const auto block = file_.next();
    signals_->done.fetch_add(block.size(), std::memory_order_relaxed);
    return block;
  }

 private:
  FileReader file_;
  std::shared_ptr<registry::WorkSignals> signals_;
};

class PullTarget final : public registry::PullTarget {
 public:
  PullTarget(ImageService& images, storage::Driver& storage) : images_(images), storage_(storage) {}

  Task<bool> has_image(Digest config_digest) override {
    co_return images_.store().find_by_id(ImageId(config_digest.str())) != nullptr;
  }

  Task<bool> has_layer(ChainId chain) override {
    if (!storage_.exists(chain)) co_return false;
    holds_.push_back(storage_.hold(chain));
    co_return true;
  }

  bool unpacks_in_parallel() const override { return storage_.fills_in_parallel(); }

  Task<> add_layer(registry::LayerBlob layer) override {
    // std::function wants what it holds to be copyable; it is called once.
    const auto file = std::make_shared<Fd>(std::move(layer.file));
    LayerImport import;
    import.open = [file, signals = layer.signals]() -> std::unique_ptr<ByteReader> {
      return std::make_unique<PulledFile>(std::move(*file), signals);
    };
    import.diff_id = layer.diff_id;
    import.parent = layer.parent;
    holds_.push_back(co_await images_.importer().add_layer(std::move(import)));
  }

  Task<bool> add_image(registry::PulledImage image) override {
    ImageImport import;
    import.config = std::move(image.config);
    import.manifest = std::move(image.manifest);
    import.manifest_type = std::move(image.manifest_type);
    if (!image.name.tag().empty()) import.names.push_back(image.name.with_tag(image.name.tag()));
    import.names.push_back(image.name.with_digest(image.name_digest));
    for (auto& [diff_id, blob] : image.blobs) {
      import.blobs.push_back(
          {diff_id, {std::move(blob), image.name.registry(), image.name.repository()}});
    }
    const ImportedImage imported = co_await images_.importer().add_image(std::move(import));
    images_.publish("pull", imported.id, image.name.familiar());
    co_return imported.created || imported.renamed;
  }

 private:
  ImageService& images_;
  storage::Driver& storage_;
  std::vector<storage::LayerHold> holds_;
};

}  // namespace

registry::PullTargetFactory pull_targets(ImageService& images, storage::Driver& storage) {
  return [&images, &storage] { return std::make_unique<PullTarget>(images, storage); };
}

}  // namespace berth::image
