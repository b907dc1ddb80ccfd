#include "daemon/volume/service.hpp"

#include <algorithm>
#include <array>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/log/log.hpp"
#include "common/prune_filter.hpp"
#include "common/scope_guard.hpp"

namespace berth::volume {

namespace {

[[noreturn]] void no_such_volume(const std::string& name) {
  throw Error(ErrorKind::kNotFound, "get " + name + ": no such volume");
}

/// As Go's strconv.ParseBool reads it.
bool truth(const std::string& filter, const std::vector<std::string>& values) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0",     "f",     "F",
                                                             "false", "FALSE", "False"};
  const auto is_one_of = [](const auto& words, const std::string& value) {
    return std::find(words.begin(), words.end(), value) != words.end();
  };
  if (values.size() == 1 && is_one_of(kTrue, values.front())) return true;
  if (values.size() == 1 && is_one_of(kFalse, values.front())) return false;
  throw Error(ErrorKind::kInvalidArgument, "invalid filter '" + filter + "'");
}

bool matches_one(const std::vector<std::string>& values, const auto& test) {
  return values.empty() || std::any_of(values.begin(), values.end(), test);
}

}  // namespace

void check_name(const std::string& name) {
  if (name.size() == 1) {
    throw Error(ErrorKind::kInvalidArgument,
                "volume name is too short, names should be at least two alphanumeric characters");
  }
  if (is_valid_name(name) && name.size() <= 255) return;
  throw Error(ErrorKind::kInvalidArgument,
              "\"" + name +
                  "\" includes invalid characters for a local volume name, only "
                  "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                  "directory, use absolute path");
}

void check_driver(const std::string& driver) {
  if (driver.empty() || driver == "local") return;
  throw Error(ErrorKind::kNotFound, "error looking up volume plugin " + driver + ": plugin \"" +
                                        driver + "\" not found: use local");
}

VolumeService::VolumeService(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      store_(dependencies_.database),
      folders_(dependencies_.data_root / "volumes"),
      changes_(dependencies_.control) {
  for (Record& record : store_.load()) {
    // The create was interrupted: nobody was told yet, and nothing is in it.
    folders_.make(record.name);
    std::string name = record.name;
    volumes_.emplace(std::move(name), Volume{std::move(record), {}});
  }
  // A removal that was interrupted has not happened: nobody's data goes because a row is missing.
  for (const std::string& name : folders_.scan())
    volumes_.try_emplace(name, Volume{Record{name, now(), {}}, {}});
}

Task<VolumeService::Created> VolumeService::create(api::VolumeCreate request) {
  if (request.cluster_volume_spec) {
    throw Error(ErrorKind::kNotImplemented,
                "cluster volumes are not supported: this engine is no swarm manager");
  }
  check_driver(request.driver);
  if (!request.driver_opts.empty()) {
    throw Error(ErrorKind::kNotImplemented,
                "options of the local volume driver are not supported yet: bind mounts and tmpfs "
                "mounts of containers are");
  }
  if (request.name.empty()) {
    request.name = random_hex_id();
    request.labels.emplace(kAnonymousLabel, "");
  }
  check_name(request.name);
  const auto lock = co_await changes_.lock();
  Created created;
  auto found = volumes_.find(request.name);
  if (found == volumes_.end()) {
    Volume volume{Record{request.name, now(), std::move(request.labels)}, {}};
    co_await store_.insert(volume.record);
    std::exception_ptr failure;
    try {
      auto make = [this, name = request.name] { folders_.make(name); };
      co_await dependencies_.fast.run(std::move(make));
    } catch (...) {
      failure = std::current_exception();
    }
    if (failure) {
      co_await store_.remove(request.name);
      std::rethrow_exception(failure);
    }
    found = volumes_.emplace(request.name, std::move(volume)).first;
    created.is_new = true;
    dependencies_.publish("create", request.name, {{"driver", "local"}});
  }
  created.hold = found->second.hold.lock();
  if (!created.hold) {
    created.hold = std::make_shared<const std::string>(request.name);
    found->second.hold = created.hold;
  }
  co_return created;
}

api::Volume VolumeService::shown(const Volume& volume) const {
  api::Volume shown;
  shown.created_at =
      format_rfc3339(std::chrono::floor<std::chrono::seconds>(volume.record.created));
  shown.driver = "local";
  shown.labels = volume.record.labels;
  shown.mountpoint = path(volume.record.name);
  shown.name = volume.record.name;
  return shown;
}

bool VolumeService::is_used(const Volume& volume) const {
  return !volume.hold.expired() || !users_->users_of(volume.record.name).empty();
}

api::Volume VolumeService::inspect(const std::string& name) const {
  const auto found = volumes_.find(name);
  if (found == volumes_.end()) no_such_volume(name);
  return shown(found->second);
}

api::VolumeList VolumeService::list(const Filters& filters) const {
  static const std::vector<std::string> kNone;
  for (const auto& [filter, values] : filters) {
    if (filter != "dangling" && filter != "driver" && filter != "label" && filter != "name")
      throw Error(ErrorKind::kInvalidArgument, "invalid filter '" + filter + "'");
  }
  const auto values_of = [&](const char* filter) -> const std::vector<std::string>& {
    const auto found = filters.find(filter);
    return found == filters.end() ? kNone : found->second;
  };
  const auto& dangling = values_of("dangling");
  const bool wants_dangling = !dangling.empty() && truth("dangling", dangling);
  const auto& labels = values_of("label");
  api::VolumeList list;
  for (const auto& [name, volume] : volumes_) {
    const auto& has = volume.record.labels;
    if (!dangling.empty() && wants_dangling == is_used(volume)) continue;
    if (!matches_one(values_of("driver"), [](const auto& value) { return value == "local"; }))
      continue;
    const std::string& own = name;
    if (!matches_one(values_of("name"),
                     [&](const auto& value) { return own.find(value) != std::string::npos; }))
      continue;
    if (!std::all_of(labels.begin(), labels.end(),
                     [&](const std::string& label) { return has_label(has, label); }))
      continue;
    list.volumes.push_back(shown(volume));
  }
  return list;
}

Task<std::vector<api::Volume>> VolumeService::usage() const {
  std::vector<api::Volume> all;
  for (const auto& [name, volume] : volumes_) {
    all.push_back(shown(volume));
    all.back().usage_data.emplace().ref_count =
        static_cast<std::int64_t>(users_->users_of(name).size());
  }
  for (api::Volume& volume : all) {
    auto measure = [this, name = volume.name] { return folders_.size(name); };
    volume.usage_data->size =
        static_cast<std::int64_t>(co_await dependencies_.bulk.run(std::move(measure)));
  }
  co_return all;
}

Task<> VolumeService::erase(std::string name) {
  co_await store_.remove(name);
  auto remove = [this, name] { folders_.remove(name); };
  co_await dependencies_.bulk.run(std::move(remove));
  volumes_.erase(name);
  dependencies_.publish("destroy", name, {{"driver", "local"}});
}

Task<> VolumeService::remove(std::string name, bool force) {
  const auto lock = co_await changes_.lock();
  const auto found = volumes_.find(name);
  if (found == volumes_.end()) {
    if (force) co_return;
    no_such_volume(name);
  }
  if (is_used(found->second)) {
    std::string users;
    for (const std::string& user : users_->users_of(name))
      users += (users.empty() ? "" : ", ") + user;
    throw Error(ErrorKind::kConflict, "remove " + name + ": volume is in use - [" + users + "]");
  }
  co_await erase(std::move(name));
}

Task<api::VolumesPruned> VolumeService::prune(Filters filters) {
  static constexpr std::array<std::string_view, 1> kOwn = {"all"};
  if (filters.contains("until")) {
    throw Error(ErrorKind::kInvalidArgument, "invalid filter 'until'");
  }
  const PruneFilter filter(filters, kOwn);
  const auto given = filters.find("all");
  const bool all = given != filters.end() && truth("all", given->second);
  if (pruning_) throw Error(ErrorKind::kConflict, "a prune operation is already running");
  pruning_ = true;
  const ScopeGuard done([this] { pruning_ = false; });
  std::vector<std::string> names;
  for (const auto& [name, volume] : volumes_) {
    const Record& record = volume.record;
    if ((all || record.labels.contains(kAnonymousLabel)) &&
        filter.matches(record.labels, record.created))
      names.push_back(name);
  }
  api::VolumesPruned pruned;
  for (const std::string& name : names) {
    const auto lock = co_await changes_.lock();
    const auto found = volumes_.find(name);
    if (found == volumes_.end() || is_used(found->second)) continue;
    try {
      auto measure = [this, name] { return folders_.size(name); };
      const std::uint64_t size = co_await dependencies_.bulk.run(std::move(measure));
      co_await erase(name);
      pruned.deleted.push_back(name);
      pruned.space_reclaimed += size;
    } catch (const Error& error) {
      log::warn("pruning volume {}: {}", name, error.what());
    }
  }
  dependencies_.publish("prune", "", {{"reclaimed", std::to_string(pruned.space_reclaimed)}});
  co_return pruned;
}

}  // namespace berth::volume
