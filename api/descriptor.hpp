// Small structs that several nouns share.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct OciPlatform {
  std::string architecture;
  std::string os;
  std::string os_version;
  StringList os_features;
  std::string variant;

  static constexpr auto fields() {
    using enum Rule;
    using P = OciPlatform;
    return std::tuple{field("architecture", &P::architecture), field("os", &P::os),
                      field("os.version", &P::os_version, kOmitEmpty),
                      field("os.features", &P::os_features, kOmitEmpty),
                      field("variant", &P::variant, kOmitEmpty)};
  }
  bool operator==(const OciPlatform&) const = default;
};

/// A reference to content by its digest, as the OCI image specification has it.
struct OciDescriptor {
  std::string media_type;
  std::string digest;
  std::int64_t size = 0;
  StringList urls;
  StringMap annotations;
  std::string data;  // base64
  std::optional<OciPlatform> platform;
  std::string artifact_type;

  static constexpr auto fields() {
    using enum Rule;
    using D = OciDescriptor;
    return std::tuple{field("mediaType", &D::media_type),
                      field("digest", &D::digest),
                      field("size", &D::size),
                      field("urls", &D::urls, kOmitEmpty),
                      field("annotations", &D::annotations, kOmitEmpty),
                      field("data", &D::data, kOmitEmpty),
                      field("platform", &D::platform, kOmitEmpty),
                      field("artifactType", &D::artifact_type, kOmitEmpty)};
  }
  bool operator==(const OciDescriptor&) const = default;
};

/// What the storage driver says about a container's or an image's files.
struct DriverData {
  StringMap data;
  std::string name;

  static constexpr auto fields() {
    return std::tuple{field("Data", &DriverData::data), field("Name", &DriverData::name)};
  }
  bool operator==(const DriverData&) const = default;
};

}  // namespace berth::api
