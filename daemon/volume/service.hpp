// The volumes: create, inspect, list, remove, prune. Control thread; changes take turns.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/volume.hpp"
#include "daemon/async/mutex.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/volume/folders.hpp"
#include "daemon/volume/store.hpp"

namespace berth::volume {

/// The label of volumes that nobody named.
inline constexpr const char* kAnonymousLabel = "com.docker.volume.anonymous";

/// Who needs volumes; whoever has such says so.
class VolumeUsers {
 public:
  virtual ~VolumeUsers() = default;
  /// Ids of the containers that need it, running or not.
  virtual std::vector<std::string> users_of(const std::string& volume) const = 0;
};

using Filters = std::map<std::string, std::vector<std::string>>;
using Publish = std::function<void(std::string_view action, const std::string& name,
                                   api::StringMap attributes)>;

struct Dependencies {
  asio::any_io_executor control;
  BlockingPool& fast;
  BlockingPool& bulk;
  state::Database& database;
  std::filesystem::path data_root;
  Publish publish;
};

/// Throws Error{kInvalidArgument} for what cannot name a volume.
void check_name(const std::string& name);

/// Throws Error{kNotFound} for a driver that does not exist.
void check_driver(const std::string& driver);

class VolumeService {
 public:
  /// Reads rows and folders. Throws Error.
  explicit VolumeService(Dependencies dependencies);

  /// Before the first request.
  void set_users(const VolumeUsers& users) { users_ = &users; }

  /// While one exists, the volume is not removed: for users that are being made.
  using Hold = std::shared_ptr<const std::string>;
  struct Created {
    Hold hold;
    bool is_new = false;
  };
  /// A volume of that name that is there already is the answer. Without a name, one is made up.
  Task<Created> create(api::VolumeCreate request);

  /// Throws Error{kNotFound}.
  api::Volume inspect(const std::string& name) const;
  std::string path(const std::string& name) const { return folders_.data(name).native(); }

  /// Throws Error{kInvalidArgument} for filters that the API does not know.
  api::VolumeList list(const Filters& filters) const;
  /// All of them, with sizes and users.
  Task<std::vector<api::Volume>> usage() const;

  /// Throws Error{kConflict} while it is used; `force` takes one that is not there for success.
  Task<> remove(std::string name, bool force);
  /// Without all=true in the filters, only volumes that nobody named.
  Task<api::VolumesPruned> prune(Filters filters);

 private:
  struct Volume {
    Record record;
    std::weak_ptr<const std::string> hold;
  };

  api::Volume shown(const Volume& volume) const;
  bool is_used(const Volume& volume) const;
  Task<> erase(std::string name);

  Dependencies dependencies_;
  Store store_;
  Folders folders_;
  const VolumeUsers* users_ = nullptr;
  std::map<std::string, Volume> volumes_;
  AsyncMutex changes_;
  bool pruning_ = false;
};

}  // namespace berth::volume
