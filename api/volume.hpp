// Volumes: /volumes and everything below it.
#pragma once

#include "api/field.hpp"
#include "api/mount.hpp"

namespace berth::api {

struct VolumeUsage {
  std::int64_t size = -1;
  std::int64_t ref_count = -1;

  static constexpr auto fields() {
    return std::tuple{field("Size", &VolumeUsage::size),
                      field("RefCount", &VolumeUsage::ref_count)};
  }
  bool operator==(const VolumeUsage&) const = default;
};

struct Volume {
  std::string created_at;
  std::string driver;
  StringMap labels;
  std::string mountpoint;
  std::string name;
  StringMap options;
  std::string scope = "local";
  std::optional<VolumeUsage> usage_data;  // of GET /system/df

  static constexpr auto fields() {
    using enum Rule;
    using V = Volume;
    return std::tuple{field("CreatedAt", &V::created_at, kOmitEmpty),
                      field("Driver", &V::driver),
                      field("Labels", &V::labels, kEmptyCollection),
                      field("Mountpoint", &V::mountpoint),
                      field("Name", &V::name),
                      field("Options", &V::options, kEmptyCollection),
                      field("Scope", &V::scope),
                      field("UsageData", &V::usage_data, kOmitEmpty)};
  }
  bool operator==(const Volume&) const = default;
};

/// Body of POST /volumes/create.
struct VolumeCreate {
  std::string name;
  std::string driver;
  StringMap driver_opts;
  StringMap labels;
  std::optional<RawJson> cluster_volume_spec;

  static constexpr auto fields() {
    using enum Rule;
    using V = VolumeCreate;
    return std::tuple{field("Name", &V::name, kOmitEmpty), field("Driver", &V::driver, kOmitEmpty),
                      field("DriverOpts", &V::driver_opts, kOmitEmpty),
                      field("Labels", &V::labels, kOmitEmpty),
                      field("ClusterVolumeSpec", &V::cluster_volume_spec, kOmitEmpty)};
  }
  bool operator==(const VolumeCreate&) const = default;
};

/// Answer of GET /volumes.
struct VolumeList {
  std::vector<Volume> volumes;
  StringList warnings;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("Volumes", &VolumeList::volumes, kEmptyCollection),
                      field("Warnings", &VolumeList::warnings)};
  }
  bool operator==(const VolumeList&) const = default;
};

/// Answer of POST /volumes/prune.
struct VolumesPruned {
  StringList deleted;  // names
  std::uint64_t space_reclaimed = 0;

  static constexpr auto fields() {
    using V = VolumesPruned;
    return std::tuple{field("VolumesDeleted", &V::deleted),
                      field("SpaceReclaimed", &V::space_reclaimed)};
  }
  bool operator==(const VolumesPruned&) const = default;
};

}  // namespace berth::api
