// The images and their names: all of them in memory, rows in the database, documents as blobs.
//
// Control thread. Changes take turns; lookups see the last finished one.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/image_reference.hpp"
#include "daemon/async/mutex.hpp"
#include "daemon/image/blob_store.hpp"
#include "daemon/image/config.hpp"
#include "daemon/image/importer.hpp"
#include "daemon/image/types.hpp"
#include "daemon/state/database.hpp"
#include "daemon/storage/driver.hpp"

namespace berth::image {

struct Image {
  ImageId id;
  ConfigDocument document;
  /// Empty when none is known.
  Digest manifest;
  std::string manifest_type;
  std::uint64_t manifest_size = 0;
  /// 0: never.
  Timestamp last_tagged{};
  /// All layers together.
  std::uint64_t size = 0;
  /// Each with a tag or with a digest.
  std::set<ImageReference> names;
  storage::LayerHold top;

  /// "nginx:latest"
  std::vector<std::string> repo_tags() const;
  /// "nginx@sha256:..."
  std::vector<std::string> repo_digests() const;
};
using ImagePtr = std::shared_ptr<const Image>;

class ImageStore {
 public:
  /// Reads what is there. Blocks: at start-up only. Throws Error.
  ImageStore(asio::any_io_executor control, BlockingPool& fast, state::Database& database,
             storage::Driver& storage, const std::filesystem::path& data_root);
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  struct Found {
    ImagePtr image;
    /// Set when the text was a name of the image, and not its id.
    std::optional<ImageReference> name;
  };
  /// Throws Error: kNotFound, kConflict when several ids begin so, kInvalidArgument for what cannot
  /// be a name.
  Found find(std::string_view text) const;
  /// Null when there is none.
  ImagePtr find_by_id(const ImageId& id) const;

  /// In the order of their ids.
  std::vector<ImagePtr> all() const;
  std::size_t size() const noexcept { return images_.size(); }
  /// The names with a tag that a repository has, in their order.
  std::vector<ImageReference> tags_of(const ImageReference& repository) const;
  /// A document of an image. Throws Error.
  Task<std::string> read_blob(Digest digest) const;

  /// Keeps the image and gives it its names. All or nothing.
  Task<ImportedImage> add(ImageImport image, ConfigDocument document, storage::LayerHold top);
  /// Gives a name, with a tag or a digest. Throws Error{kNotFound} when the image is gone.
  Task<> tag(ImageId id, ImageReference name);
  /// Takes names away; those that the image does not have are passed over. The manifest goes with
  /// the last name by digest: such a name is how it came.
  Task<> untag(ImageId id, std::vector<ImageReference> names);
  /// Where each of an image's layers, compressed, is known to be; in the order of its diff ids.
  Task<std::vector<std::vector<registry::KnownBlob>>> known_blobs(ImagePtr image) const;
  /// Success when no image has the layer any more: then it is not remembered.
  Task<> remember_blob(LayerBlob blob);
  /// Removes the image with its names. Success when there is none.
  Task<> remove(ImageId id);

 private:
  using MutableImage = std::shared_ptr<Image>;

  void read_rows();
  void read_image(MutableImage image);
  MutableImage get(const ImageId& id) const;
  std::uint64_t size_of_layers(const ConfigDocument& document) const;
  void rename(const MutableImage& image, const ImageReference& name, ImportedImage& result);
  /// Takes it from the image; empty when another image has it, too.
  Digest take_manifest(Image& image) const;
  Task<> remove_blobs(Digest config, Digest manifest) const;
  /// Of its layers those that no other image has.
  std::vector<DiffId> layers_of_none_but(const Image& image) const;
  Found find_by_prefix(std::string_view text) const;
  static std::vector<ImageReference> single_names(const std::vector<ImageReference>& names);

  BlockingPool& fast_;
  state::Database& database_;
  storage::Driver& storage_;
  BlobStore blobs_;
  /// By the hexadecimal digits: ordered, so that a beginning is a range.
  std::map<std::string, MutableImage, std::less<>> images_;
  std::map<ImageReference, MutableImage> names_;
  AsyncMutex changing_;
};

}  // namespace berth::image
