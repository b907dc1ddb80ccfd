// Mounts of a container: as asked for (--mount) and as inspect shows them.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct BindOptions {
  std::string propagation;
  bool non_recursive = false;
  bool create_mountpoint = false;
  bool read_only_non_recursive = false;
  bool read_only_force_recursive = false;

  static constexpr auto fields() {
    using enum Rule;
    using B = BindOptions;
    return std::tuple{field("Propagation", &B::propagation, kOmitEmpty),
                      field("NonRecursive", &B::non_recursive, kOmitEmpty),
                      field("CreateMountpoint", &B::create_mountpoint, kOmitEmpty),
                      field("ReadOnlyNonRecursive", &B::read_only_non_recursive, kOmitEmpty),
                      field("ReadOnlyForceRecursive", &B::read_only_force_recursive, kOmitEmpty)};
  }
  bool operator==(const BindOptions&) const = default;
};

struct VolumeDriverConfig {
  std::string name;
  StringMap options;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("Name", &VolumeDriverConfig::name, kOmitEmpty),
                      field("Options", &VolumeDriverConfig::options, kOmitEmpty)};
  }
  bool operator==(const VolumeDriverConfig&) const = default;
};

struct VolumeOptions {
  bool no_copy = false;
  StringMap labels;
  std::string subpath;
  std::optional<VolumeDriverConfig> driver_config;

  static constexpr auto fields() {
    using enum Rule;
    using V = VolumeOptions;
    return std::tuple{field("NoCopy", &V::no_copy, kOmitEmpty),
                      field("Labels", &V::labels, kOmitEmpty),
                      field("Subpath", &V::subpath, kOmitEmpty),
                      field("DriverConfig", &V::driver_config, kOmitEmpty)};
  }
  bool operator==(const VolumeOptions&) const = default;
};

struct ImageOptions {
  std::string subpath;

  static constexpr auto fields() {
    return std::tuple{field("Subpath", &ImageOptions::subpath, Rule::kOmitEmpty)};
  }
  bool operator==(const ImageOptions&) const = default;
};

struct TmpfsOptions {
  std::int64_t size_bytes = 0;
  std::uint32_t mode = 0;
  std::vector<StringList> options;  // {"noexec"} or {"uid", "1000"}

  static constexpr auto fields() {
    using enum Rule;
    using T = TmpfsOptions;
    return std::tuple{field("SizeBytes", &T::size_bytes, kOmitEmpty),
                      field("Mode", &T::mode, kOmitEmpty),
                      field("Options", &T::options, kOmitEmpty)};
  }
  bool operator==(const TmpfsOptions&) const = default;
};

/// A mount as asked for.
struct Mount {
  std::string type;  // bind, volume, tmpfs, image, npipe, cluster
  std::string source;
  std::string target;
  bool read_only = false;
  std::string consistency;
  std::optional<BindOptions> bind_options;
  std::optional<VolumeOptions> volume_options;
  std::optional<ImageOptions> image_options;
  std::optional<TmpfsOptions> tmpfs_options;

  static constexpr auto fields() {
    using enum Rule;
    using M = Mount;
    return std::tuple{field("Type", &M::type, kOmitEmpty),
                      field("Source", &M::source, kOmitEmpty),
                      field("Target", &M::target, kOmitEmpty),
                      field("ReadOnly", &M::read_only, kOmitEmpty),
                      field("Consistency", &M::consistency, kOmitEmpty),
                      field("BindOptions", &M::bind_options, kOmitEmpty),
                      field("VolumeOptions", &M::volume_options, kOmitEmpty),
                      field("ImageOptions", &M::image_options, kOmitEmpty),
                      field("TmpfsOptions", &M::tmpfs_options, kOmitEmpty)};
  }
  bool operator==(const Mount&) const = default;
};

/// A mount as it is.
struct MountPoint {
  std::string type;
  std::string name;
  std::string source;
  std::string destination;
  std::string driver;
  std::string mode;
  bool rw = false;
  std::string propagation;

  static constexpr auto fields() {
    using enum Rule;
    using M = MountPoint;
    return std::tuple{field("Type", &M::type, kOmitEmpty),
                      field("Name", &M::name, kOmitEmpty),
                      field("Source", &M::source),
                      field("Destination", &M::destination),
                      field("Driver", &M::driver, kOmitEmpty),
                      field("Mode", &M::mode),
                      field("RW", &M::rw),
                      field("Propagation", &M::propagation)};
  }
  bool operator==(const MountPoint&) const = default;
};

}  // namespace berth::api
