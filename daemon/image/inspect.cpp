#include "daemon/image/inspect.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace berth::image {

namespace {

std::int64_t seconds_of(const std::string& time) {
  if (time.empty()) return 0;
  try {
    return std::chrono::floor<std::chrono::seconds>(parse_rfc3339(time).time_since_epoch()).count();
  } catch (const Error&) {
    return 0;  // a remark of whoever built the image; nothing depends on it
  }
}

}  // namespace

api::ImageInspect inspect_image(const Image& image, const storage::Driver& storage) {
  const ConfigDocument& document = image.document;
  api::ImageInspect inspect;
  inspect.id = image.id.str();
  inspect.repo_tags = image.repo_tags();
  inspect.repo_digests = image.repo_digests();
  inspect.comment = document.comment;
  inspect.created = document.created;
  inspect.docker_version = document.docker_version;
  inspect.author = document.author;
  inspect.config = document.config;
  inspect.architecture = document.architecture;
  inspect.variant = document.variant;
  inspect.os = document.os;
  inspect.os_version = document.os_version;
  inspect.size = static_cast<std::int64_t>(image.size);
  inspect.graph_driver.name = storage.name();
  inspect.graph_driver.data = storage.describe(document.top());
  for (const DiffId& diff_id : document.diff_ids)
    inspect.root_fs.layers.push_back(diff_id.str());
  inspect.metadata.last_tag_time =
      image.last_tagged == Timestamp{} ? std::string(kZeroTime) : format_rfc3339(image.last_tagged);
  if (!image.manifest.empty()) {
    api::OciDescriptor& descriptor = inspect.descriptor.emplace();
    descriptor.media_type = image.manifest_type;
    descriptor.digest = image.manifest.str();
    descriptor.size = static_cast<std::int64_t>(image.manifest_size);
  }
  return inspect;
}

std::vector<api::HistoryItem> image_history(const Image& image, const storage::Driver& storage,
                                            std::string_view config) {
  std::vector<api::HistoryItem> items;
  std::size_t layer = 0;
  for (const HistoryEntry& entry : parse_history(config)) {
    api::HistoryItem item;
    item.id = "<missing>";
    item.comment = entry.comment;
    item.created = seconds_of(entry.created);
    item.created_by = entry.created_by;
    if (!entry.empty_layer && layer < image.document.chains.size()) {
      item.size = static_cast<std::int64_t>(storage.layer(image.document.chains[layer++]).size);
    }
    items.push_back(std::move(item));
  }
  std::reverse(items.begin(), items.end());
  if (!items.empty()) {
    items.front().id = image.id.str();
    items.front().tags = image.repo_tags();
  }
  return items;
}

}  // namespace berth::image
