// The operations on images, as the routes and the container room call them.
//
// Control thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/disk_usage.hpp"
#include "api/image.hpp"
#include "common/fd.hpp"
#include "daemon/async/gate.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/image/importer.hpp"
#include "daemon/image/spool.hpp"
#include "daemon/image/types.hpp"
#include "daemon/state/database.hpp"
#include "daemon/storage/driver.hpp"

namespace berth::image {

struct ListQuery {
  /// The `filters` of GET /images/json, decoded: name -> values.
  std::map<std::string, std::vector<std::string>> filters;
  bool shared_size = false;
};

struct RemoveRequest {
  std::string name;
  bool force = false;
  bool no_prune = false;
};

struct ServiceOptions {
  asio::any_io_executor control;
  BlockingPool& fast;
  BlockingPool& bulk;
  state::Database& database;
  storage::Driver& storage;
  std::filesystem::path data_root;
  EventSink events;
};

class ImageStore;

class ImageService {
 public:
  /// Reads the images that are there. Blocks: at start-up only. Throws Error.
  explicit ImageService(ServiceOptions options);
  ~ImageService();
  ImageService(const ImageService&) = delete;
  ImageService& operator=(const ImageService&) = delete;

  /// Set once at start-up; must outlive the service.
  void set_users(const ImageUsers& users);

  /// By name (":latest" where there is neither tag nor digest), name@digest, id or the beginning of
  /// an id. Throws Error: kNotFound `No such image: foo:latest`, kInvalidArgument for what is no
  /// reference, kConflict when several ids begin so.
  ResolvedImage resolve(std::string_view text) const;
  std::size_t count() const;

  /// Throws Error{kInvalidArgument} for an unknown filter.
  std::vector<api::ImageSummary> list(const ListQuery& query) const;
  api::ImageInspect inspect(std::string_view text) const;
  Task<std::vector<api::HistoryItem>> history(std::string text) const;

  /// Gives the image `text` the name `repository`:`tag` ("latest" when empty), durably.
  Task<> tag(std::string text, std::string repository, std::string tag);
  /// Takes a name away, or the image with its last name. Throws Error{kConflict} when a container
  /// or another name needs it.
  Task<std::vector<api::DeleteItem>> remove(RemoveRequest request);

  /// POST /images/prune. Throws Error: kConflict while another prune is at work, kInvalidArgument
  /// for filters that cannot be used.
  Task<api::ImagesPruned> prune(std::map<std::string, std::vector<std::string>> filters);

  /// Bytes of all layers, each counted once.
  std::uint64_t layers_size() const;

  /// A file below the data root for what a client sends. Throws Error.
  Task<Spool> make_spool() const;
  /// Loads the images of an archive (docker save's form, or an OCI layout; plain or compressed),
  /// open for reading and seekable. `quiet` leaves out the layers' progress. On failure nothing of
  /// the failed image is left.
  Task<> load(Fd archive, bool quiet, ProgressSink progress);

  /// GET /images/get: the images of these names (find_saved()) as one archive, whose pieces go to
  /// `sink` on a thread of its own. `begin` is awaited before the first. Throws Error.
  Task<> save(std::vector<std::string> names, std::function<Task<>()> begin, PieceSink sink);

  /// Remembers where a layer's compressed form is, for pushes to come.
  Task<> remember_blob(LayerBlob blob);
  /// The image is known by that digest somewhere. Throws Error{kNotFound} when it is gone.
  Task<> add_digest(ImageId id, ImageReference name);

  ImageImporter& importer();
  const ImageStore& store() const;
  /// Publishes an image event with the attribute `name` and the image's labels.
  void publish(std::string_view action, const ImageId& id, const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::image
