#include "daemon/image/save_op.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "common/crypto/sha256.hpp"
#include "common/error.hpp"
#include "daemon/async/thread_work.hpp"
#include "daemon/image/outgoing.hpp"
#include "daemon/image/tar_block.hpp"
#include "daemon/image/tar_recipe.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::image {

namespace {

using nlohmann::ordered_json;

constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";

std::string blob_path(std::string_view digest) {
  return "blobs/sha256/" + std::string(digest_hex(digest));
}

ordered_json descriptor(std::string_view type, const std::string& digest, std::uint64_t size) {
  return {{"mediaType", type}, {"digest", digest}, {"size", size}};
}

struct Saving {
  OutgoingImage content;
  std::vector<ImageReference> names;
};

/// An OCI manifest of the image with its layers uncompressed: the same for the same image always.
std::string layout_manifest(const OutgoingImage& image) {
  ordered_json layers = ordered_json::array();
  for (const OutgoingLayer& layer : image.layers)
    layers.push_back(descriptor(kLayerType, layer.diff_id.str(), layer.size));
  return ordered_json{
      {"schemaVersion", 2},
      {"mediaType", registry::kOciManifest},
      {"config", descriptor(kConfigType, sha256(image.config).str(), image.config.size())},
      {"layers", std::move(layers)}}
      .dump();
}

/// Entries of the archive.
class Archive {
 public:
  explicit Archive(const PieceSink& sink) : sink_(sink) {}

  void folder(std::string_view name) { sink_(make_tar_header(name, 0, 0)); }

  void file(std::string_view name, std::string_view content) {
    begin(name, content.size());
    sink_(content);
    pad(content.size());
  }

  void blob(const std::string& content) {
    const std::string digest = sha256(content).str();
    if (written_.insert(digest).second) file(blob_path(digest), content);
  }

  void layer(const OutgoingLayer& layer) {
    if (!written_.insert(layer.diff_id.str()).second) return;
    begin(blob_path(layer.diff_id.str()), layer.size);
    rebuild_tar(layer.place, sink_);
    pad(layer.size);
  }

  void end() { sink_(std::string(2 * kTarBlock, '\0')); }

 private:
  void begin(std::string_view name, std::uint64_t size) { sink_(make_tar_header(name, size, 0)); }
  void pad(std::uint64_t size) { sink_(std::string(tar_padding(size), '\0')); }

  const PieceSink& sink_;
  std::set<std::string> written_;
};

std::string index_file(const std::vector<Saving>& images) {
  ordered_json manifests = ordered_json::array();
  for (const Saving& image : images) {
    const std::string manifest = layout_manifest(image.content);
    const ordered_json plain =
        descriptor(registry::kOciManifest, sha256(manifest).str(), manifest.size());
    if (image.names.empty()) manifests.push_back(plain);
    for (const ImageReference& name : image.names) {
      ordered_json named = plain;
      named["annotations"] = {{"io.containerd.image.name", name.str()},
                              {"org.opencontainers.image.ref.name", name.tag()}};
      manifests.push_back(std::move(named));
    }
  }
  return ordered_json{
      {"schemaVersion", 2}, {"mediaType", registry::kOciIndex}, {"manifests", std::move(manifests)}}
      .dump();
}

std::string manifest_file(const std::vector<Saving>& images) {
  ordered_json list = ordered_json::array();
  for (const Saving& image : images) {
    ordered_json tags = ordered_json::array();
    for (const ImageReference& name : image.names)
      tags.push_back(name.familiar());
    ordered_json layers = ordered_json::array();
    ordered_json sources = ordered_json::object();
    for (const OutgoingLayer& layer : image.content.layers) {
      layers.push_back(blob_path(layer.diff_id.str()));
      sources[layer.diff_id.str()] = descriptor(kLayerType, layer.diff_id.str(), layer.size);
    }
    list.push_back({{"Config", blob_path(sha256(image.content.config).str())},
                    {"RepoTags", image.names.empty() ? ordered_json() : std::move(tags)},
                    {"Layers", std::move(layers)},
                    {"LayerSources", std::move(sources)}});
  }
  return list.dump();
}

/// For tools from before manifest.json: repository -> tag -> the top layer.
std::string repositories_file(const std::vector<Saving>& images) {
  ordered_json repositories = ordered_json::object();
  for (const Saving& image : images) {
    if (image.content.layers.empty()) continue;
    const std::string top(digest_hex(image.content.layers.back().diff_id.str()));
    for (const ImageReference& name : image.names)
      repositories[name.familiar_name()][name.tag()] = top;
  }
  return repositories.dump();
}

/// First what describes the images, then their layers, each once.
void write_images(const std::vector<Saving>& images, const PieceSink& sink) {
  Archive archive(sink);
  archive.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  archive.file("index.json", index_file(images));
  archive.file("manifest.json", manifest_file(images));
  archive.file("repositories", repositories_file(images));
  archive.folder("blobs/");
  archive.folder("blobs/sha256/");
  for (const Saving& image : images) {
    archive.blob(image.content.config);
    archive.blob(layout_manifest(image.content));
  }
  for (const Saving& image : images) {
    for (const OutgoingLayer& layer : image.content.layers)
      archive.layer(layer);
  }
  archive.end();
}

}  // namespace

std::vector<SavedImage> find_saved(const ImageStore& store, const std::vector<std::string>& names) {
  std::vector<SavedImage> saved;
  const auto add = [&](const ImagePtr& image, const std::optional<ImageReference>& name) {
    auto found = std::find_if(saved.begin(), saved.end(),
                              [&](const SavedImage& each) { return each.image == image; });
    if (found == saved.end()) found = saved.insert(saved.end(), {image, {}});
    if (!name || name->tag().empty()) return;
    const auto& known = found->names;
    if (std::find(known.begin(), known.end(), *name) == known.end()) found->names.push_back(*name);
  };
  for (const std::string& text : names) {
    const std::size_t before = saved.size();
    std::size_t tags = 0;
    try {
      const ImageReference wanted = ImageReference::parse(text);
      for (const ImagePtr& image : wanted.is_name_only() ? store.all() : std::vector<ImagePtr>{}) {
        for (const ImageReference& name : image->names) {
          if (name.tag().empty() || name.name() != wanted.name()) continue;
          add(image, name);
          ++tags;
        }
      }
    } catch (const Error&) {
      // Then it may be an id, or find() says what is wrong with it.
    }
    if (saved.size() > before || tags > 0) continue;
    const ImageStore::Found found = store.find(text);
    add(found.image, found.name);
  }
  return saved;
}

Task<> save(SaveContext context, std::vector<SavedImage> images, std::function<Task<>()> begin,
            PieceSink sink) {
  std::vector<Saving> saving;
  for (SavedImage& image : images) {
    saving.push_back(
        {co_await read_outgoing(context.store, context.storage, context.fast, image.image),
         std::move(image.names)});
  }
  co_await begin();
  // The client's pace is the thread's: it waits for nothing else.
  ThreadWork work(context.control, [&saving, &sink] { write_images(saving, sink); });
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await work.finish();
}

}  // namespace berth::image
