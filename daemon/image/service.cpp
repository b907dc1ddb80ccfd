#include "daemon/image/service.hpp"

#include <system_error>

#include "common/error.hpp"
#include "common/image_reference.hpp"
#include "common/scope_guard.hpp"
#include "daemon/image/archive_file.hpp"
#include "daemon/image/inspect.hpp"
#include "daemon/image/list.hpp"
#include "daemon/image/load_op.hpp"
#include "daemon/image/prune_op.hpp"
#include "daemon/image/remove_op.hpp"
#include "daemon/image/save_op.hpp"
#include "daemon/image/store.hpp"

namespace berth::image {

struct ImageService::State {
  explicit State(ServiceOptions given)
      : options(std::move(given)),
        spool_folder(options.data_root / "tmp"),
        store(options.control, options.fast, options.database, options.storage, options.data_root),
        importer(options.control, options.bulk, options.storage, store) {
    std::error_code error;
    std::filesystem::create_directories(spool_folder, error);
    if (error) throw_errno("mkdir", spool_folder.native(), error.value());
  }

  ServiceOptions options;
  std::filesystem::path spool_folder;
  ImageStore store;
  ImageImporter importer;
  const ImageUsers* users = nullptr;
  bool pruning = false;  // one prune at a time
};

ImageService::ImageService(ServiceOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
ImageService::~ImageService() = default;

void ImageService::set_users(const ImageUsers& users) {
  state_->users = &users;
}

ResolvedImage ImageService::resolve(std::string_view text) const {
  const ImagePtr image = state_->store.find(text).image;
  ResolvedImage resolved;
  resolved.id = image->id;
  resolved.config = image->document.config;
  resolved.diff_ids = image->document.diff_ids;
  resolved.top = image->document.top();
  resolved.reference = text;
  return resolved;
}

std::size_t ImageService::count() const {
  return state_->store.size();
}

std::vector<api::ImageSummary> ImageService::list(const ListQuery& query) const {
  return list_images(state_->store, state_->options.storage, query);
}

api::ImageInspect ImageService::inspect(std::string_view text) const {
  return inspect_image(*state_->store.find(text).image, state_->options.storage);
}

Task<std::vector<api::HistoryItem>> ImageService::history(std::string text) const {
  const ImagePtr image = state_->store.find(text).image;
  const std::string config = co_await state_->store.read_blob(Digest(image->id.str()));
  co_return image_history(*image, state_->options.storage, config);
}

Task<> ImageService::tag(std::string text, std::string repository, std::string tag) {
  const ImagePtr image = state_->store.find(text).image;
  ImageReference name = ImageReference::parse(repository);
  if (!name.digest().empty()) {
    throw Error(ErrorKind::kInvalidArgument,
                "refusing to create a tag with a digest reference: \"" + repository + "\"");
  }
  if (!tag.empty()) name = name.with_tag(tag);
  name = name.with_default_tag();
  co_await state_->store.tag(image->id, name);
  publish("tag", image->id, name.familiar());
}

Task<std::vector<api::DeleteItem>> ImageService::remove(RemoveRequest request) {
  const RemoveContext context{state_->store, state_->options.storage, state_->users,
                              state_->options.events};
  return remove_image(context, std::move(request));
}

Task<api::ImagesPruned> ImageService::prune(
    std::map<std::string, std::vector<std::string>> filters) {
  if (state_->pruning) {
    throw Error(ErrorKind::kConflict, "a prune operation is already running");
  }
  state_->pruning = true;
  const ScopeGuard done([this] { state_->pruning = false; });
  const RemoveContext context{state_->store, state_->options.storage, state_->users,
                              state_->options.events};
  co_return co_await prune_images(context, std::move(filters));
}

std::uint64_t ImageService::layers_size() const {
  std::map<ChainId, std::uint64_t> sizes;
  for (const ImagePtr& image : state_->store.all()) {
    for (const ChainId& chain : image->document.chains)
      sizes.emplace(chain, state_->options.storage.layer(chain).size);
  }
  std::uint64_t total = 0;
  for (const auto& [chain, size] : sizes)
    total += size;
  return total;
}

Task<Spool> ImageService::make_spool() const {
  BlockingPool& pool = state_->options.bulk;
  auto make = [this] { return make_unnamed_file(state_->spool_folder); };
  Fd file = co_await pool.run(std::move(make));
  co_return Spool(pool, std::move(file));
}

Task<> ImageService::load(Fd archive, bool quiet, ProgressSink progress) {
  const LoadContext context{state_->options.control, state_->options.bulk, state_->options.storage,
                            state_->importer, state_->spool_folder};
  auto loaded = [this](const ImportedImage& image) { publish("load", image.id, image.id.str()); };
  return image::load(context, std::move(archive), quiet, std::move(progress), std::move(loaded));
}

Task<> ImageService::save(std::vector<std::string> names, std::function<Task<>()> begin,
                          PieceSink sink) {
  const SaveContext context{state_->options.control, state_->options.fast, state_->options.storage,
                            state_->store};
  const std::vector<SavedImage> images = find_saved(state_->store, names);
  co_await image::save(context, images, std::move(begin), std::move(sink));
  for (const SavedImage& saved : images)
    publish("save", saved.image->id, saved.image->id.str());
}

Task<> ImageService::remember_blob(LayerBlob blob) {
  return state_->store.remember_blob(std::move(blob));
}

Task<> ImageService::add_digest(ImageId id, ImageReference name) {
  return state_->store.tag(std::move(id), std::move(name));
}

ImageImporter& ImageService::importer() {
  return state_->importer;
}

const ImageStore& ImageService::store() const {
  return state_->store;
}

void ImageService::publish(std::string_view action, const ImageId& id,
                           const std::string& name) const {
  std::map<std::string, std::string> attributes;
  if (const ImagePtr image = state_->store.find_by_id(id)) {
    attributes.insert(image->document.config.labels.begin(), image->document.config.labels.end());
  }
  attributes["name"] = name;
  state_->options.events(action, id.str(), std::move(attributes));
}

}  // namespace berth::image
