// Manifests of our own.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/crypto/sha256.hpp"
#include "common/error.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::registry {

namespace {

using nlohmann::ordered_json;

bool is_gzip(const Descriptor& layer) {
  return layer.media_type == kDockerLayerGzip || layer.media_type == kOciLayerGzip;
}

ordered_json to_json(std::string_view media_type, const Digest& digest, std::uint64_t size) {
  return {{"mediaType", media_type}, {"size", size}, {"digest", digest.str()}};
}

/// An OCI manifest names its layers in OCI's way.
std::string_view oci_type(const Descriptor& layer) {
  return layer.media_type == kDockerLayerGzip ? kOciLayerGzip : std::string_view(layer.media_type);
}

}  // namespace

ManifestDocument make_manifest(std::string_view config, const std::vector<Descriptor>& layers) {
  const bool docker = std::all_of(layers.begin(), layers.end(), is_gzip);
  const std::string_view type = docker ? kDockerManifest : kOciManifest;
  ordered_json items = ordered_json::array();
  for (const Descriptor& layer : layers)
    items.push_back(to_json(docker ? kDockerLayerGzip : oci_type(layer), layer.digest, layer.size));
  const ordered_json manifest{
      {"schemaVersion", 2},
      {"mediaType", type},
      {"config", to_json(docker ? kDockerConfig : kOciConfig, sha256(config), config.size())},
      {"layers", std::move(items)}};
  return {std::string(type), manifest.dump(3)};
}

bool describes(const ManifestDocument& manifest, std::string_view config,
               const std::vector<Descriptor>& layers) {
  if (manifest.body.empty() || is_index(manifest.media_type)) return false;
  try {
    const ImageManifest parsed = parse_image_manifest(manifest.body);
    return parsed.config.digest == sha256(config) &&
           std::equal(parsed.layers.begin(), parsed.layers.end(), layers.begin(), layers.end(),
                      [](const Descriptor& left, const Descriptor& right) {
                        return left.digest == right.digest && left.size == right.size;
                      });
  } catch (const Error&) {
    return false;  // such as one of a layout whose layers are uncompressed
  }
}

}  // namespace berth::registry
