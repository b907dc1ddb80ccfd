// Manifests and indexes of images as registries serve them: Docker schema 2 and OCI 1.1. What is
// read here is hostile; whatever leaves it was checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/digest.hpp"

namespace berth::registry {

inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";

inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Larger manifests and configurations are refused, as other engines do.
inline constexpr std::size_t kMaxManifestSize = std::size_t{4} << 20U;

/// A pointer to a blob or manifest (OCI image specification, "Content Descriptors").
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
};

/// A layer's compressed form, and a repository that has it.
struct KnownBlob {
  Descriptor blob;
  std::string registry;
  std::string repository;
};

/// GOOS and GOARCH names.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;

  /// "linux/arm64/v8"
  std::string str() const;
  bool operator==(const Platform&) const = default;
};

/// "os[/arch[/variant]]", or an architecture alone; what is missing comes from the host, names in
/// use such as x86_64 and aarch64 are normalised. An empty text is the host's. Throws
/// Error{kInvalidArgument}.
Platform parse_platform(std::string_view text);
Platform host_platform();

struct ImageManifest {
  Descriptor config;
  /// Bottom layer first.
  std::vector<Descriptor> layers;
};

/// An image's manifest as it goes over the wire.
struct ManifestDocument {
  std::string media_type;
  std::string body;
};

/// The manifest of an image with these layers, bottom first: Docker's schema 2, which every
/// registry takes, or OCI's where a layer is compressed in a way that schema 2 has no name for.
ManifestDocument make_manifest(std::string_view config, const std::vector<Descriptor>& layers);

/// True when the manifest is of exactly this configuration and these layers.
bool describes(const ManifestDocument& manifest, std::string_view config,
               const std::vector<Descriptor>& layers);

struct IndexEntry {
  Descriptor manifest;
  Platform platform;
  bool has_platform = false;
};

struct Index {
  std::vector<IndexEntry> manifests;
};

/// True for an index's or manifest list's media type.
bool is_index(std::string_view media_type);
/// The body's own "mediaType", else the Content-Type header's, else told by the fields.
std::string manifest_type(std::string_view body, std::string_view content_type);

/// Throws Error{kInvalidArgument} for what breaks the format, kNotImplemented for schema 1 and for
/// what is no image (an artifact with a foreign configuration).
ImageManifest parse_image_manifest(std::string_view body);
Index parse_index(std::string_view body);

/// The best entry for `wanted`: os and architecture equal, the variant the same or the highest one
/// that an ARM of that variant also runs. Nothing when no entry fits.
std::optional<Descriptor> select_platform(const Index& index, const Platform& wanted);

/// True when what is made for `offered` is what `wanted` asks for, by the same rules.
bool serves(const Platform& offered, const Platform& wanted);

/// What a pull must know of the configuration before it fetches layers.
struct ConfigSummary {
  Platform platform;
  std::vector<DiffId> diff_ids;
};
ConfigSummary parse_config(std::string_view body);

}  // namespace berth::registry
