#include "daemon/image/store.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/log/log.hpp"
#include "common/text.hpp"
#include "daemon/image/rows.hpp"

namespace berth::image {

namespace {

constexpr std::string_view kDigestPrefix = "sha256:";

Error no_such_image(const std::string& name) {
  return {ErrorKind::kNotFound, "No such image: " + name};
}

std::int64_t nanoseconds(Timestamp time) {
  return time.time_since_epoch().count();
}

bool has_digest(const std::set<ImageReference>& names) {
  return std::any_of(names.begin(), names.end(),
                     [](const ImageReference& name) { return !name.digest().empty(); });
}

std::set<ImageReference> without(std::set<ImageReference> names,
                                 const std::vector<ImageReference>& gone) {
  for (const ImageReference& name : gone)
    names.erase(name);
  return names;
}

LayerBlobRow row_of(const LayerBlob& blob) {
  const registry::Descriptor& descriptor = blob.place.blob;
  return {blob.diff_id.str(),    blob.place.registry,
          blob.place.repository, descriptor.digest.str(),
          descriptor.media_type, static_cast<std::int64_t>(descriptor.size)};
}

std::string hex_of(const ImageId& id) {
  return std::string(digest_hex(id.str()));
}

}  // namespace

std::vector<std::string> Image::repo_tags() const {
  std::vector<std::string> tags;
  for (const ImageReference& name : names) {
    if (!name.tag().empty()) tags.push_back(name.familiar());
  }
  return tags;
}

std::vector<std::string> Image::repo_digests() const {
  std::vector<std::string> digests;
  for (const ImageReference& name : names) {
    if (!name.digest().empty()) digests.push_back(name.familiar());
  }
  return digests;
}

// ---- start-up

ImageStore::ImageStore(asio::any_io_executor control, BlockingPool& fast, state::Database& database,
                       storage::Driver& storage, const std::filesystem::path& data_root)
    : fast_(fast),
      database_(database),
      storage_(storage),
      blobs_(data_root),
      changing_(std::move(control)) {
  migrate_images(database_);
  read_rows();
}

void ImageStore::read_rows() {
  std::set<Digest> wanted;
  const auto read = [](SQLite::Database& database) {
    return std::pair(read_images(database), read_names(database));
  };
  const auto [images, names] = database_.run_now(read, state::Durability::kVisible);
  for (const ImageRow& row : images) {
    wanted.insert(Digest(row.id));
    wanted.insert(Digest(row.manifest));
    auto image = std::make_shared<Image>();
    image->id = ImageId(row.id);
    image->manifest = Digest(row.manifest);
    image->manifest_type = row.manifest_type;
    image->manifest_size = static_cast<std::uint64_t>(row.manifest_size);
    image->last_tagged = Timestamp(std::chrono::nanoseconds(row.last_tagged));
    try {
      read_image(std::move(image));
    } catch (const Error& error) {
      // Its rows stay: another storage driver may have its layers.
      log::warn("image {} is left out: {}", row.id, error.what());
    }
  }
  for (const NameRow& row : names) {
    const MutableImage image = get(ImageId(row.image));
    if (!image) continue;
    const ImageReference name = ImageReference::parse(row.name);
    image->names.insert(name);
    names_.emplace(name, image);
  }
  blobs_.keep_only(wanted);
}

void ImageStore::read_image(MutableImage image) {
  image->document = parse_config(blobs_.read(Digest(image->id.str())));
  if (!image->document.chains.empty()) image->top = storage_.hold(image->document.top());
  image->size = size_of_layers(image->document);
  images_.emplace(hex_of(image->id), image);
}

std::uint64_t ImageStore::size_of_layers(const ConfigDocument& document) const {
  std::uint64_t size = 0;
  for (const ChainId& chain : document.chains)
    size += storage_.layer(chain).size;
  return size;
}

// ---- lookups

ImageStore::MutableImage ImageStore::get(const ImageId& id) const {
  const auto found = images_.find(digest_hex(id.str()));
  return found == images_.end() ? nullptr : found->second;
}

ImagePtr ImageStore::find_by_id(const ImageId& id) const {
  return get(id);
}

ImageStore::Found ImageStore::find_by_prefix(std::string_view text) const {
  const auto first = images_.lower_bound(text);
  if (first == images_.end() || !first->first.starts_with(text)) return {};
  const auto second = std::next(first);
  if (second != images_.end() && second->first.starts_with(text)) {
    throw Error(ErrorKind::kConflict,
                "the image id \"" + std::string(text) + "\" is ambiguous: give more of its digits");
  }
  return {first->second, std::nullopt};
}

ImageStore::Found ImageStore::find(std::string_view text) const {
  std::string_view hex = text;
  if (hex.starts_with(kDigestPrefix)) hex.remove_prefix(kDigestPrefix.size());
  const bool prefixed = hex.size() < text.size();
  const bool may_be_id = !hex.empty() && hex.size() <= 64 && is_lower_hex(hex);
  if (may_be_id && (prefixed || hex.size() == 64)) {
    if (Found found = find_by_prefix(hex); found.image) return found;
    if (is_full_id(hex)) throw no_such_image(std::string(text));
  }
  ImageReference name = ImageReference::parse(text).with_default_tag();
  // The digest pins it; a tag beside it is for people.
  if (!name.digest().empty()) name = name.with_digest(name.digest());
  if (const auto found = names_.find(name); found != names_.end()) return {found->second, name};
  if (may_be_id) {
    if (Found found = find_by_prefix(hex); found.image) return found;
  }
  throw no_such_image(prefixed ? std::string(text) : name.familiar());
}

std::vector<ImagePtr> ImageStore::all() const {
  std::vector<ImagePtr> images;
  images.reserve(images_.size());
  for (const auto& [hex, image] : images_)
    images.push_back(image);
  return images;
}

std::vector<ImageReference> ImageStore::tags_of(const ImageReference& repository) const {
  std::vector<ImageReference> tags;
  for (const auto& [name, image] : names_) {
    if (!name.tag().empty() && name.name() == repository.name()) tags.push_back(name);
  }
  return tags;
}

Task<std::string> ImageStore::read_blob(Digest digest) const {
  auto read = [this, digest = std::move(digest)] { return blobs_.read(digest); };
  co_return co_await fast_.run(std::move(read));
}

// ---- changes

std::vector<ImageReference> ImageStore::single_names(const std::vector<ImageReference>& names) {
  std::vector<ImageReference> singles;
  for (const ImageReference& name : names) {
    if (!name.tag().empty()) singles.push_back(name.with_tag(name.tag()));
    if (!name.digest().empty()) singles.push_back(name.with_digest(name.digest()));
  }
  return singles;
}

void ImageStore::rename(const MutableImage& image, const ImageReference& name,
                        ImportedImage& result) {
  MutableImage& holder = names_[name];
  if (holder == image) return;
  result.renamed = true;
  if (holder) {
    holder->names.erase(name);
    result.taken_over.emplace_back(name, holder->id);
  }
  holder = image;
  image->names.insert(name);
}

Task<ImportedImage> ImageStore::add(ImageImport image, ConfigDocument document,
                                    storage::LayerHold top) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const AsyncMutex::Lock lock = co_await changing_.lock();
  const std::vector<ImageReference> names = single_names(image.names);
  const std::uint64_t size = size_of_layers(document);  // throws when a layer is missing
  auto keep = [this, &image] {
    const Digest id = blobs_.put(image.config);
    return std::pair(id, image.manifest.empty() ? Digest() : blobs_.put(image.manifest));
  };
  const auto [config, manifest] = co_await fast_.run(std::move(keep));
  ImportedImage result;
  result.id = ImageId(config.str());
  MutableImage entry = get(result.id);
  result.created = !entry;
  if (!entry) {
    entry = std::make_shared<Image>();
    entry->id = result.id;
    entry->size = size;
    entry->document = std::move(document);
    entry->top = std::move(top);
  }
  const bool has_news = std::any_of(names.begin(), names.end(), [&](const ImageReference& name) {
    return !entry->names.contains(name);
  });
  const bool has_manifest = !manifest.empty() && entry->manifest.empty();
  if (result.created || has_news || has_manifest) {
    ImageRow row{
        entry->id.str(), (has_manifest ? manifest : entry->manifest).str(),
        has_manifest ? image.manifest_type : entry->manifest_type,
        static_cast<std::int64_t>(has_manifest ? image.manifest.size() : entry->manifest_size),
        nanoseconds(has_news ? now() : entry->last_tagged)};
    auto write = [&row, &names, &image](SQLite::Database& database) {
      put_image(database, row);
      for (const ImageReference& name : names)
        put_name(database, {name.str(), row.id});
      for (const LayerBlob& blob : image.blobs)
        put_layer_blob(database, row_of(blob));
    };
    co_await database_.transaction(state::Durability::kDurable, std::move(write));
    entry->manifest = Digest(row.manifest);
    entry->manifest_type = row.manifest_type;
    entry->manifest_size = static_cast<std::uint64_t>(row.manifest_size);
    entry->last_tagged = Timestamp(std::chrono::nanoseconds(row.last_tagged));
  }
  images_.emplace(hex_of(entry->id), entry);
  for (const ImageReference& name : names)
    rename(entry, name, result);
  co_return result;
}

Task<> ImageStore::tag(ImageId id, ImageReference name) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const AsyncMutex::Lock lock = co_await changing_.lock();
  const MutableImage image = get(id);
  if (!image) throw no_such_image(id.str());
  const Timestamp time = now();
  auto write = [&id, &name, time](SQLite::Database& database) {
    put_name(database, {name.str(), id.str()});
    set_last_tagged(database, id.str(), nanoseconds(time));
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(write));
  image->last_tagged = time;
  ImportedImage ignored;
  rename(image, name, ignored);
}

Task<> ImageStore::untag(ImageId id, std::vector<ImageReference> names) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const AsyncMutex::Lock lock = co_await changing_.lock();
  const MutableImage image = get(id);
  if (!image) co_return;
  const bool forgets_manifest =
      has_digest(image->names) && !has_digest(without(image->names, names));
  auto write = [&id, &names, forgets_manifest](SQLite::Database& database) {
    for (const ImageReference& name : names)
      delete_name(database, {name.str(), id.str()});
    if (forgets_manifest) set_manifest(database, id.str(), {});
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(write));
  for (const ImageReference& name : names) {
    if (image->names.erase(name) > 0) names_.erase(name);
  }
  if (forgets_manifest) co_await remove_blobs({}, take_manifest(*image));
}

Digest ImageStore::take_manifest(Image& image) const {
  const Digest manifest = std::exchange(image.manifest, {});
  image.manifest_type.clear();
  image.manifest_size = 0;
  const bool shared = std::any_of(images_.begin(), images_.end(), [&](const auto& other) {
    return other.second->manifest == manifest;
  });
  return shared ? Digest() : manifest;
}

Task<> ImageStore::remove_blobs(Digest config, Digest manifest) const {
  auto remove = [this, config = std::move(config), manifest = std::move(manifest)] {
    if (!config.empty()) blobs_.remove(config);
    if (!manifest.empty()) blobs_.remove(manifest);
  };
  co_await fast_.run(std::move(remove));
}

Task<std::vector<std::vector<registry::KnownBlob>>> ImageStore::known_blobs(ImagePtr image) const {
  auto read = [&image](SQLite::Database& database) {
    std::vector<std::vector<registry::KnownBlob>> known;
    for (const DiffId& layer : image->document.diff_ids) {
      known.emplace_back();
      for (const LayerBlobRow& row : read_layer_blobs(database, layer.str())) {
        known.back().push_back(
            {{row.media_type, Digest(row.digest), static_cast<std::uint64_t>(row.size)},
             row.registry,
             row.repository});
      }
    }
    return known;
  };
  co_return co_await database_.transaction(state::Durability::kVisible, std::move(read));
}

Task<> ImageStore::remember_blob(LayerBlob blob) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const AsyncMutex::Lock lock = co_await changing_.lock();
  const bool wanted = std::any_of(images_.begin(), images_.end(), [&](const auto& each) {
    const auto& diff_ids = each.second->document.diff_ids;
    return std::find(diff_ids.begin(), diff_ids.end(), blob.diff_id) != diff_ids.end();
  });
  if (!wanted) co_return;
  // A hint for later pushes: losing it with the power costs an upload.
  auto write = [&blob](SQLite::Database& database) { put_layer_blob(database, row_of(blob)); };
  co_await database_.transaction(state::Durability::kVisible, std::move(write));
}

std::vector<DiffId> ImageStore::layers_of_none_but(const Image& image) const {
  std::set<DiffId> layers(image.document.diff_ids.begin(), image.document.diff_ids.end());
  for (const auto& [hex, other] : images_) {
    if (other.get() == &image) continue;
    for (const DiffId& layer : other->document.diff_ids)
      layers.erase(layer);
  }
  return {layers.begin(), layers.end()};
}

Task<> ImageStore::remove(ImageId id) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const AsyncMutex::Lock lock = co_await changing_.lock();
  const MutableImage image = get(id);
  if (!image) co_return;
  const std::vector<DiffId> orphans = layers_of_none_but(*image);
  auto write = [&id, &orphans](SQLite::Database& database) {
    delete_image(database, id.str());
    for (const DiffId& layer : orphans)
      delete_layer_blobs(database, layer.str());
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(write));
  for (const ImageReference& name : image->names)
    names_.erase(name);
  images_.erase(hex_of(id));
  image->names.clear();
  image->top.reset();
  co_await remove_blobs(Digest(id.str()), take_manifest(*image));
}

}  // namespace berth::image
