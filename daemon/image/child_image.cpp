#include "daemon/image/child_image.hpp"

#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::image {

namespace {

using nlohmann::json;

void set_or_drop(json& document, const char* key, const std::string& value) {
  if (value.empty()) {
    document.erase(key);
  } else {
    document[key] = value;
  }
}

json history_entry(const ChildImage& child, const DiffId& layer, const std::string& created) {
  json entry{{"created", created}};
  set_or_drop(entry, "author", child.author);
  set_or_drop(entry, "created_by", child.created_by);
  set_or_drop(entry, "comment", child.comment);
  if (layer.empty()) entry["empty_layer"] = true;
  return entry;
}

/// A list under the key, whatever was there.
json& list_at(json& document, const char* key) {
  json& list = document[key];
  if (!list.is_array()) list = json::array();
  return list;
}

}  // namespace

std::string child_config(const std::string& parent, const ChildImage& child, const DiffId& layer,
                         const std::string& created) {
  json document = parent.empty() ? json::object() : json::parse(parent);
  // They tell of the parent's making alone.
  for (const char* const key : {"container", "container_config", "docker_version", "id", "parent"})
    document.erase(key);
  document["created"] = created;
  set_or_drop(document, "author", child.author);
  set_or_drop(document, "comment", child.comment);
  if (!child.architecture.empty()) {
    document["architecture"] = child.architecture;
    set_or_drop(document, "variant", child.variant);
  }
  if (!document.contains("architecture")) {
    document["architecture"] = registry::host_platform().architecture;
  }
  if (!document.contains("os")) document["os"] = "linux";
  document["config"] = api::to_json(child.config);
  json& rootfs = document["rootfs"];
  if (!rootfs.is_object()) rootfs = json::object();
  rootfs["type"] = "layers";
  json& layers = list_at(rootfs, "diff_ids");
  if (!layer.empty()) layers.push_back(layer.str());
  list_at(document, "history").push_back(history_entry(child, layer, created));
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace berth::image
