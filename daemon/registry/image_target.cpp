#include "daemon/registry/image_target.hpp"

#include <utility>
#include <vector>

#include "common/error.hpp"
#include "daemon/image/byte_reader.hpp"
#include "daemon/image/importer.hpp"

namespace berth::registry {

namespace {

/// Counts for the progress messages what it reads, and ends early when nobody wants it any more.
class WatchedFile : public image::ByteReader {
 public:
  WatchedFile(Fd file, std::shared_ptr<WorkSignals> signals)
      : file_(std::move(file)), signals_(std::move(signals)) {}

  std::span<const std::byte> next() override {
    if (signals_->stop) throw Error(ErrorKind::kCancelled, "the pull was cancelled");
    const auto data = file_.next();
    signals_->done += data.size();
    return data;
  }

 private:
  image::FileReader file_;
  std::shared_ptr<WorkSignals> signals_;
};

class ImageTarget : public PullTarget {
 public:
  ImageTarget(image::ImageService& images, storage::Driver& storage)
      : images_(images), storage_(storage) {}

  Task<bool> has_image(Digest config_digest) override {
    try {
      const image::ResolvedImage found = images_.resolve(config_digest.str());
      co_return found.id.str() == config_digest.str();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kNotFound) throw;
    }
    co_return false;
  }

  Task<bool> has_layer(ChainId chain) override {
    if (!storage_.exists(chain)) co_return false;
    holds_.push_back(storage_.hold(chain));
    co_return true;
  }

  bool unpacks_in_parallel() const override { return storage_.fills_in_parallel(); }

  Task<> add_layer(LayerBlob layer) override {
    image::LayerImport entry;
    entry.diff_id = layer.diff_id;
    entry.parent = layer.parent;
    // A std::function must be copyable, what it gives away need not.
    const auto reader = std::make_shared<std::unique_ptr<image::ByteReader>>(
        std::make_unique<WatchedFile>(std::move(layer.file), layer.signals));
    entry.open = [reader] { return std::move(*reader); };
    holds_.push_back(co_await images_.importer().add_layer(std::move(entry)));
  }

  Task<bool> add_image(PulledImage image) override {
    image::ImageImport entry;
    entry.config = std::move(image.config);
    entry.manifest = std::move(image.manifest);
    entry.manifest_type = std::move(image.manifest_type);
    if (!image.name.tag().empty()) entry.names.push_back(image.name);
    entry.names.push_back(image.name.with_digest(image.name_digest));
    const image::ImportedImage imported = co_await images_.importer().add_image(std::move(entry));
    images_.publish("pull", imported.id, image.name.familiar());
    co_return imported.created || imported.renamed;
  }

 private:
  image::ImageService& images_;
  storage::Driver& storage_;
  std::vector<storage::LayerHold> holds_;
};

}  // namespace

PullTargetFactory image_targets(image::ImageService& images, storage::Driver& storage) {
  return [&images, &storage] { return std::make_unique<ImageTarget>(images, storage); };
}

}  // namespace berth::registry
