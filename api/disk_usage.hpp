// What everything takes on the disk, and what pruning gave back: GET /system/df, POST /.../prune.
#pragma once

#include "api/container.hpp"
#include "api/field.hpp"
#include "api/image.hpp"
#include "api/volume.hpp"

namespace berth::api {

/// Answer of GET /system/df. Null: that kind was not asked for.
struct DiskUsage {
  std::int64_t layers_size = 0;
  std::optional<std::vector<ImageSummary>> images;
  std::optional<std::vector<ContainerSummary>> containers;
  std::optional<std::vector<Volume>> volumes;
  std::optional<std::vector<RawJson>> build_cache;

  static constexpr auto fields() {
    using D = DiskUsage;
    return std::tuple{field("LayersSize", &D::layers_size), field("Images", &D::images),
                      field("Containers", &D::containers), field("Volumes", &D::volumes),
                      field("BuildCache", &D::build_cache)};
  }
  bool operator==(const DiskUsage&) const = default;
};

/// Answer of POST /containers/prune.
struct ContainersPruned {
  StringList deleted;  // ids
  std::uint64_t space_reclaimed = 0;

  static constexpr auto fields() {
    using C = ContainersPruned;
    return std::tuple{field("ContainersDeleted", &C::deleted),
                      field("SpaceReclaimed", &C::space_reclaimed)};
  }
  bool operator==(const ContainersPruned&) const = default;
};

/// Answer of POST /images/prune.
struct ImagesPruned {
  std::vector<DeleteItem> deleted;
  std::uint64_t space_reclaimed = 0;

  static constexpr auto fields() {
    using I = ImagesPruned;
    return std::tuple{field("ImagesDeleted", &I::deleted),
                      field("SpaceReclaimed", &I::space_reclaimed)};
  }
  bool operator==(const ImagesPruned&) const = default;
};

}  // namespace berth::api
