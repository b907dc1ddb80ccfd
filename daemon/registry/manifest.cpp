#include "daemon/registry/manifest.hpp"

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::registry {

namespace {

using Json = nlohmann::json;

/// No real image comes near: the kernel's own overlay limits are far below.
constexpr std::size_t kMaxLayers = 1000;
constexpr std::size_t kMaxIndexEntries = 10'000;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorKind::kInvalidArgument, "invalid manifest: " + what);
}

Json parse_object(std::string_view body) {
  if (body.size() > kMaxManifestSize) {
    throw Error(ErrorKind::kTooLarge, "manifest is larger than 4 MiB");
  }
  Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) refuse("not a JSON object");
  return json;
}

std::string text_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) refuse("\"" + std::string(name) + "\" must be a string");
  return found->get<std::string>();
}

const Json& array_field(const Json& object, const char* name, std::size_t limit) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) {
    refuse("\"" + std::string(name) + "\" must be a list");
  }
  if (found->size() > limit) {
    refuse("\"" + std::string(name) + "\" has more than " + std::to_string(limit) + " entries");
  }
  return *found;
}

Descriptor parse_descriptor(const Json& json) {
  if (!json.is_object()) refuse("a descriptor must be an object");
  Descriptor descriptor;
  descriptor.media_type = text_field(json, "mediaType");
  descriptor.digest = parse_digest(text_field(json, "digest"));
  const auto size = json.find("size");
  if (size == json.end() || !size->is_number_unsigned()) {
    refuse("descriptor \"" + descriptor.digest.str() + "\" has no valid size");
  }
  descriptor.size = size->get<std::uint64_t>();
  if (descriptor.size > static_cast<std::uint64_t>(INT64_MAX)) {
    refuse("descriptor \"" + descriptor.digest.str() + "\" has no valid size");
  }
  return descriptor;
}

Platform parse_platform_fields(const Json& json) {
  Platform platform;
  platform.os = text_field(json, "os");
  platform.architecture = text_field(json, "architecture");
  platform.variant = text_field(json, "variant");
  return platform;
}

void check_schema(const Json& json) {
  const auto version = json.find("schemaVersion");
  if (version != json.end() && version->is_number_integer() && version->get<int>() == 1) {
    throw Error(ErrorKind::kNotImplemented,
                "manifest of schema version 1 is not supported: push the image again with a "
                "current tool");
  }
  if (version == json.end() || !version->is_number_integer() || version->get<int>() != 2) {
    refuse("\"schemaVersion\" must be 2");
  }
}

/// Schema 2's layers that live at another URL; nothing but old Windows images used them.
bool is_foreign(std::string_view media_type) {
  return media_type.find(".foreign.") != std::string_view::npos ||
         media_type.find(".nondistributable.") != std::string_view::npos;
}

bool is_image_config(std::string_view media_type) {
  return media_type == "application/vnd.docker.container.image.v1+json" ||
         media_type == "application/vnd.oci.image.config.v1+json" ||
         media_type == "application/octet-stream" || media_type.empty();
}

}  // namespace

bool is_index(std::string_view media_type) {
  return media_type == kDockerManifestList || media_type == kOciIndex;
}

std::string manifest_type(std::string_view body, std::string_view content_type) {
  const Json json = parse_object(body);
  if (std::string own = text_field(json, "mediaType"); !own.empty()) return own;
  std::string header = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  for (const std::string_view known :
       {kDockerManifest, kDockerManifestList, kOciManifest, kOciIndex}) {
    if (header == known) return header;
  }
  return std::string(json.contains("manifests") ? kOciIndex : kOciManifest);
}

ImageManifest parse_image_manifest(std::string_view body) {
  const Json json = parse_object(body);
  check_schema(json);
  // One body must not be read as an image here and as an index elsewhere (CVE-2021-41190).
  if (json.contains("manifests") || json.contains("fsLayers")) {
    refuse("fields of an image and of another kind of manifest are mixed");
  }
  if (!json.contains("config")) refuse("\"config\" is missing");
  ImageManifest manifest;
  manifest.config = parse_descriptor(json["config"]);
  if (!is_image_config(manifest.config.media_type)) {
    throw Error(ErrorKind::kNotImplemented,
                "not a container image: its configuration is of type \"" +
                    manifest.config.media_type + "\"");
  }
  if (manifest.config.size > kMaxManifestSize) refuse("configuration is larger than 4 MiB");
  for (const Json& layer : array_field(json, "layers", kMaxLayers)) {
    Descriptor descriptor = parse_descriptor(layer);
    if (is_foreign(descriptor.media_type)) {
      throw Error(ErrorKind::kNotImplemented,
                  "layer type \"" + descriptor.media_type + "\" is not supported");
    }
    manifest.layers.push_back(std::move(descriptor));
  }
  return manifest;
}

Index parse_index(std::string_view body) {
  const Json json = parse_object(body);
  check_schema(json);
  if (json.contains("config") || json.contains("layers") || json.contains("fsLayers")) {
    refuse("fields of an index and of an image are mixed");
  }
  Index index;
  for (const Json& item : array_field(json, "manifests", kMaxIndexEntries)) {
    IndexEntry entry;
    entry.manifest = parse_descriptor(item);
    if (const auto platform = item.find("platform");
        platform != item.end() && platform->is_object()) {
      entry.platform = parse_platform_fields(*platform);
      entry.has_platform = true;
    }
    index.manifests.push_back(std::move(entry));
  }
  return index;
}

ConfigSummary parse_config(std::string_view body) {
  const Json json = parse_object(body);
  ConfigSummary summary;
  summary.platform = parse_platform_fields(json);
  const auto rootfs = json.find("rootfs");
  if (rootfs == json.end() || !rootfs->is_object()) refuse("the configuration has no \"rootfs\"");
  for (const Json& id : array_field(*rootfs, "diff_ids", kMaxLayers)) {
    if (!id.is_string()) refuse("a diff id must be a string");
    summary.diff_ids.emplace_back(parse_digest(id.get<std::string>()).str());
  }
  return summary;
}

}  // namespace berth::registry
