#include "daemon/image/archive_images.hpp"

#include <algorithm>
#include <optional>

#include "api/codec.hpp"
#include "api/descriptor.hpp"
#include "common/crypto/sha256.hpp"
#include "common/error.hpp"
#include "daemon/image/entry_path.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::image {

namespace {

constexpr std::size_t kMaxIndexSize = std::size_t{16} << 20U;
constexpr std::size_t kMaxImages = 1000;
constexpr std::string_view kDockerIndex = "manifest.json";
constexpr std::string_view kOciIndexFile = "index.json";

/// An item of docker save's manifest.json.
struct SavedImage {
  std::string config;
  std::vector<std::string> repo_tags;
  std::vector<std::string> layers;

  static constexpr auto fields() {
    return std::tuple{api::field("Config", &SavedImage::config),
                      api::field("RepoTags", &SavedImage::repo_tags),
                      api::field("Layers", &SavedImage::layers)};
  }
};

struct LayoutIndex {
  std::vector<api::OciDescriptor> manifests;

  static constexpr auto fields() {
    return std::tuple{api::field("manifests", &LayoutIndex::manifests)};
  }
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kInvalidArgument, "invalid image archive: " + why);
}

void check_layers(const ArchiveFile& archive, const ArchiveImage& image) {
  const std::size_t expected = image.document.diff_ids.size();
  if (image.layers.size() != expected) {
    refuse("the manifest lists " + std::to_string(image.layers.size()) +
           " layers, the configuration " + std::to_string(expected));
  }
  for (const std::string& layer : image.layers) {
    if (!archive.contains(layer)) refuse("the layer " + quote_entry(layer) + " is missing");
  }
}

/// Where a path has the digest as its name, the content must have it, too.
void check_named_digest(std::string_view path, std::string_view content) {
  const auto name = split_path(path).name;
  const std::string digest = "sha256:" + std::string(name.substr(0, name.find('.')));
  if (is_digest(digest) && sha256(content).str() != digest) {
    refuse(quote_entry(path) + " is not what its name says: its digest is " +
           sha256(content).str());
  }
}

// ---- docker save

ArchiveImage read_saved(const ArchiveFile& archive, const SavedImage& saved) {
  ArchiveImage image;
  if (clean_entry_path(saved.config).empty()) refuse("an item of manifest.json has no \"Config\"");
  image.config = archive.read(saved.config, kMaxConfigSize);
  check_named_digest(saved.config, image.config);
  image.document = parse_config(image.config);
  image.layers = saved.layers;
  for (const std::string& tag : saved.repo_tags) {
    const ImageReference name = ImageReference::parse(tag);
    if (name.tag().empty()) refuse("the name \"" + tag + "\" in RepoTags has no tag");
    image.names.push_back(name);
  }
  check_layers(archive, image);
  return image;
}

std::vector<ArchiveImage> read_docker(const ArchiveFile& archive) {
  const std::string text = archive.read(kDockerIndex, kMaxIndexSize);
  std::vector<SavedImage> list;
  try {
    list = api::Codec<SavedImage>::list_from_text(text);
  } catch (const Error& error) {
    refuse("manifest.json: " + std::string(error.what()));
  }
  if (list.empty()) refuse("manifest.json lists no image");
  if (list.size() > kMaxImages) refuse("manifest.json lists more than 1000 images");
  std::vector<ArchiveImage> images;
  for (const SavedImage& saved : list)
    images.push_back(read_saved(archive, saved));
  return images;
}

// ---- OCI layout

std::string blob_path(const Digest& digest) {
  return "blobs/sha256/" + std::string(digest_hex(digest.str()));
}

std::string read_blob(const ArchiveFile& archive, const Digest& digest, std::size_t limit) {
  const std::string path = blob_path(digest);
  std::string content = archive.read(path, limit);
  check_named_digest(path, content);
  return content;
}

/// containerd's annotation has the whole name; OCI's may have it, or a tag alone.
std::optional<ImageReference> name_of(const api::OciDescriptor& descriptor) {
  for (const char* const key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
    const auto found = descriptor.annotations.find(key);
    if (found == descriptor.annotations.end()) continue;
    if (found->second.find_first_of("/:") == std::string::npos) continue;
    return ImageReference::parse(found->second).with_default_tag();
  }
  return std::nullopt;
}

/// Attestations stand in an index as images of no platform.
bool is_attestation(const api::OciDescriptor& descriptor) {
  return descriptor.platform && descriptor.platform->os == "unknown";
}

std::string select(const ArchiveFile& archive, std::string manifest, std::string& type) {
  constexpr int kMaxNesting = 3;
  for (int depth = 0; registry::is_index(type); ++depth) {
    if (depth == kMaxNesting) refuse("indexes stand in indexes");
    const registry::Platform wanted = registry::host_platform();
    const auto chosen = registry::select_platform(registry::parse_index(manifest), wanted);
    if (!chosen) refuse("no image in it is for this host's platform " + wanted.str());
    manifest = read_blob(archive, chosen->digest, registry::kMaxManifestSize);
    type = registry::manifest_type(manifest, chosen->media_type);
  }
  return manifest;
}

ArchiveImage read_layout_image(const ArchiveFile& archive, const api::OciDescriptor& descriptor) {
  ArchiveImage image;
  image.manifest = read_blob(archive, parse_digest(descriptor.digest), registry::kMaxManifestSize);
  image.manifest_type = registry::manifest_type(image.manifest, descriptor.media_type);
  image.manifest = select(archive, std::move(image.manifest), image.manifest_type);
  const auto parsed = registry::parse_image_manifest(image.manifest);
  image.config = read_blob(archive, parsed.config.digest, kMaxConfigSize);
  image.document = parse_config(image.config);
  for (const auto& layer : parsed.layers)
    image.layers.push_back(blob_path(layer.digest));
  if (const auto name = name_of(descriptor)) image.names.push_back(*name);
  check_layers(archive, image);
  return image;
}

std::vector<ArchiveImage> read_layout(const ArchiveFile& archive) {
  const std::string text = archive.read(kOciIndexFile, kMaxIndexSize);
  LayoutIndex index;
  try {
    index = api::Codec<LayoutIndex>::from_text(text, nullptr);
  } catch (const Error& error) {
    refuse("index.json: " + std::string(error.what()));
  }
  if (index.manifests.size() > kMaxImages) refuse("index.json lists more than 1000 images");
  std::vector<ArchiveImage> images;
  for (const api::OciDescriptor& descriptor : index.manifests) {
    if (!is_attestation(descriptor)) images.push_back(read_layout_image(archive, descriptor));
  }
  if (images.empty()) refuse("index.json lists no image");
  return images;
}

}  // namespace

std::vector<ArchiveImage> read_images(const ArchiveFile& archive) {
  // Newer versions of docker save write both; manifest.json has all the names.
  if (archive.contains(kDockerIndex)) return read_docker(archive);
  if (archive.contains(kOciIndexFile)) return read_layout(archive);
  refuse("it has neither the manifest.json of docker save nor the index.json of an OCI layout");
}

}  // namespace berth::image
