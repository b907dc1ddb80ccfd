#include "daemon/image/load_op.hpp"

#include <algorithm>
#include <exception>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "api/fields.hpp"
#include "api/progress.hpp"
#include "common/error.hpp"
#include "common/ids.hpp"
#include "daemon/async/gate.hpp"
#include "daemon/image/archive_images.hpp"

namespace berth::image {

namespace {

constexpr std::chrono::milliseconds kTick{100};

using ArchivePointer = std::shared_ptr<const ArchiveFile>;

std::string line_of(const api::ProgressMessage& message) {
  return api::to_text(message) + "\n";
}

std::string stream_line(std::string text) {
  api::ProgressMessage message;
  message.stream = std::move(text) + "\n";
  return line_of(message);
}

/// Unpacks the layers of one image, as many at once as the storage driver allows.
class LayerBatch {
 public:
  LayerBatch(const LoadContext& context, ArchivePointer archive, const ArchiveImage& image)
      : context_(context),
        archive_(std::move(archive)),
        image_(image),
        tasks_(context.control),
        finished_(context.control),
        layers_(image.layers.size()) {}

  /// Returns when all layers are there or none is worked on any more. Throws the first error.
  Task<> run(bool quiet, ProgressSink progress) {
    if (layers_.empty()) co_return;
    start();
    try {
      while (!co_await finished_.wait_for(kTick)) {
        if (!quiet) co_await report(progress);
      }
      if (!quiet && !failure_) co_await report(progress);
    } catch (...) {
      // The client is gone.
      fail(std::current_exception());
    }
    co_await tasks_.close();
    archive_.reset();
    if (failure_) std::rethrow_exception(failure_);
  }

  /// Holds the layers no more.
  void drop() { layers_.clear(); }

 private:
  struct Layer {
    std::shared_ptr<ImportSignals> signals = std::make_shared<ImportSignals>();
    storage::LayerHold hold;
    std::uint64_t total = 0;
    std::uint64_t reported = 0;
  };

  void start() {
    for (std::size_t index = 0; index < layers_.size(); ++index) {
      layers_[index].total = archive_->size(image_.layers[index]);
    }
    unfinished_ = layers_.size();
    if (context_.storage.fills_in_parallel()) {
      for (std::size_t index = 0; index < layers_.size(); ++index) {
        tasks_.spawn("loading a layer", [this, index] { return add(index); });
      }
    } else {
      tasks_.spawn("loading layers", [this] { return add_in_turn(); });
    }
  }

  Task<> add_in_turn() {
    for (std::size_t index = 0; index < layers_.size(); ++index)
      co_await add(index);
  }

  Task<> add(std::size_t index) {
    try {
      if (!failure_) co_await import(index);
    } catch (...) {
      fail(std::current_exception());
    }
    if (--unfinished_ == 0) finished_.set();
  }

  Task<> import(std::size_t index) {
    LayerImport layer;
    layer.open = [archive = archive_, name = image_.layers[index]] { return archive->open(name); };
    layer.diff_id = image_.document.diff_ids[index];
    if (index > 0) layer.parent = image_.document.chains[index - 1];
    layer.signals = layers_[index].signals;
    layers_[index].hold = co_await context_.importer.add_layer(std::move(layer));
  }

  void fail(std::exception_ptr failure) {
    if (!failure_) failure_ = std::move(failure);
    for (Layer& layer : layers_)
      layer.signals->stop.store(true, std::memory_order_relaxed);
  }

  Task<> report(ProgressSink progress) {
    for (std::size_t index = 0; index < layers_.size(); ++index) {
      Layer& layer = layers_[index];
      const std::uint64_t done =
          std::min(layer.signals->done.load(std::memory_order_relaxed), layer.total);
      if (done == layer.reported) continue;
      layer.reported = done;
      api::ProgressMessage message;
      message.status = "Loading layer";
      message.progress_detail = api::ProgressDetail{static_cast<std::int64_t>(done),
                                                    static_cast<std::int64_t>(layer.total)};
      message.id = short_id(digest_hex(image_.document.diff_ids[index].str()));
      co_await progress(line_of(message));
    }
  }

  const LoadContext& context_;
  ArchivePointer archive_;
  const ArchiveImage& image_;
  Gate tasks_;
  AsyncSignal finished_;
  std::vector<Layer> layers_;
  std::size_t unfinished_ = 0;
  std::exception_ptr failure_;
};

Task<> announce(const ArchiveImage& image, ImportedImage imported, ProgressSink progress) {
  for (const auto& [name, before] : imported.taken_over) {
    co_await progress(stream_line("The image " + name.familiar() +
                                  " already exists, renaming the old one with ID " + before.str() +
                                  " to empty string"));
  }
  for (const ImageReference& name : image.names)
    co_await progress(stream_line("Loaded image: " + name.familiar()));
  if (image.names.empty()) {
    co_await progress(stream_line("Loaded image ID: " + imported.id.str()));
  }
}

}  // namespace

Task<> load(LoadContext context, Fd archive, bool quiet, ProgressSink progress, LoadedSink loaded) {
  // A client that goes away is noticed by the sink; the layers that are being written must be
  // waited for in any case.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto read = [&archive, &context] {
    auto opened = std::make_shared<const ArchiveFile>(std::move(archive), context.spool_folder);
    std::vector<ArchiveImage> images = read_images(*opened);
    return std::pair<ArchivePointer, std::vector<ArchiveImage>>(std::move(opened),
                                                                std::move(images));
  };
  auto [file, images] = co_await context.bulk.run(std::move(read));
  for (ArchiveImage& image : images) {
    const bool is_last = &image == &images.back();
    // What is not needed any more should not be written out when the layers are synced.
    LayerBatch layers(context, is_last ? std::move(file) : file, image);
    std::exception_ptr failure;
    try {
      co_await layers.run(quiet, progress);
      ImageImport import;
      import.config = image.config;
      import.manifest = std::move(image.manifest);
      import.manifest_type = std::move(image.manifest_type);
      import.names = image.names;
      ImportedImage imported = co_await context.importer.add_image(std::move(import));
      loaded(imported);
      co_await announce(image, std::move(imported), progress);
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure) {
      layers.drop();
      context.storage.sweep();
      std::rethrow_exception(failure);
    }
  }
}

}  // namespace berth::image
