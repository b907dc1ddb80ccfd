// Images: list, inspect, history, removal.
#pragma once

#include "api/container_config.hpp"
#include "api/descriptor.hpp"
#include "api/field.hpp"

namespace berth::api {

/// What an image suggests for its containers.
struct ImageConfig {
  std::string user;
  KeySet exposed_ports;
  StringList env;
  StringList entrypoint;
  StringList cmd;
  KeySet volumes;
  std::string working_dir;
  StringMap labels;
  std::string stop_signal;
  bool args_escaped = false;
  std::optional<HealthConfig> healthcheck;
  StringList on_build;
  StringList shell;

  static constexpr auto fields() {
    using enum Rule;
    using I = ImageConfig;
    return std::tuple{field("User", &I::user),
                      field("ExposedPorts", &I::exposed_ports, kOmitEmpty),
                      field("Env", &I::env, kOmitEmpty),
                      field("Entrypoint", &I::entrypoint, kStringOrList),
                      field("Cmd", &I::cmd, kOmitEmpty | kStringOrList),
                      field("Volumes", &I::volumes),
                      field("WorkingDir", &I::working_dir),
                      field("Labels", &I::labels),
                      field("StopSignal", &I::stop_signal, kOmitEmpty),
                      field("ArgsEscaped", &I::args_escaped, kOmitEmpty),
                      field("Healthcheck", &I::healthcheck, kOmitEmpty),
                      field("OnBuild", &I::on_build),
                      field("Shell", &I::shell, kOmitEmpty | kStringOrList)};
  }
  bool operator==(const ImageConfig&) const = default;
};

/// An item of GET /images/json.
struct ImageSummary {
  std::int64_t containers = -1;  // -1: not counted
  std::int64_t created = 0;      // seconds since 1970
  std::string id;
  StringMap labels;
  std::string parent_id;
  std::optional<OciDescriptor> descriptor;
  StringList repo_digests;
  StringList repo_tags;
  std::int64_t shared_size = -1;  // -1: not computed
  std::int64_t size = 0;

  static constexpr auto fields() {
    using enum Rule;
    using I = ImageSummary;
    return std::tuple{field("Containers", &I::containers),
                      field("Created", &I::created),
                      field("Id", &I::id),
                      field("Labels", &I::labels),
                      field("ParentId", &I::parent_id),
                      field("Descriptor", &I::descriptor, kOmitEmpty),
                      field("RepoDigests", &I::repo_digests, kEmptyCollection),
                      field("RepoTags", &I::repo_tags, kEmptyCollection),
                      field("SharedSize", &I::shared_size),
                      field("Size", &I::size)};
  }
  bool operator==(const ImageSummary&) const = default;
};

struct RootFs {
  std::string type = "layers";
  StringList layers;  // digests of the uncompressed layers, lowest first

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("Type", &RootFs::type), field("Layers", &RootFs::layers, kOmitEmpty)};
  }
  bool operator==(const RootFs&) const = default;
};

struct ImageMetadata {
  std::string last_tag_time;  // RFC 3339; kZeroTime for never

  static constexpr auto fields() {
    return std::tuple{field("LastTagTime", &ImageMetadata::last_tag_time, Rule::kOmitEmpty)};
  }
  bool operator==(const ImageMetadata&) const = default;
};

/// Answer of GET /images/{name}/json.
struct ImageInspect {
  std::string id;
  StringList repo_tags;
  StringList repo_digests;
  std::string parent;
  std::string comment;
  std::string created;  // RFC 3339
  std::string docker_version;
  std::string author;
  ImageConfig config;
  std::string architecture;
  std::string variant;
  std::string os;
  std::string os_version;
  std::int64_t size = 0;
  DriverData graph_driver;
  RootFs root_fs;
  ImageMetadata metadata;
  std::optional<OciDescriptor> descriptor;

  static constexpr auto fields() {
    using enum Rule;
    using I = ImageInspect;
    return std::tuple{field("Id", &I::id),
                      field("RepoTags", &I::repo_tags, kEmptyCollection),
                      field("RepoDigests", &I::repo_digests, kEmptyCollection),
                      field("Parent", &I::parent),
                      field("Comment", &I::comment),
                      field("Created", &I::created, kOmitEmpty),
                      field("DockerVersion", &I::docker_version),
                      field("Author", &I::author),
                      field("Config", &I::config),
                      field("Architecture", &I::architecture),
                      field("Variant", &I::variant, kOmitEmpty),
                      field("Os", &I::os),
                      field("OsVersion", &I::os_version, kOmitEmpty),
                      field("Size", &I::size),
                      field("GraphDriver", &I::graph_driver),
                      field("RootFS", &I::root_fs),
                      field("Metadata", &I::metadata),
                      field("Descriptor", &I::descriptor, kOmitEmpty)};
  }
  bool operator==(const ImageInspect&) const = default;
};

/// An item of GET /images/{name}/history.
struct HistoryItem {
  std::string comment;
  std::int64_t created = 0;  // seconds since 1970
  std::string created_by;
  std::string id;  // or "<missing>"
  std::int64_t size = 0;
  StringList tags;

  static constexpr auto fields() {
    using H = HistoryItem;
    return std::tuple{field("Comment", &H::comment),
                      field("Created", &H::created),
                      field("CreatedBy", &H::created_by),
                      field("Id", &H::id),
                      field("Size", &H::size),
                      field("Tags", &H::tags)};
  }
  bool operator==(const HistoryItem&) const = default;
};

/// An item of DELETE /images/{name}: one of the two is set.
struct DeleteItem {
  std::string deleted;
  std::string untagged;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("Deleted", &DeleteItem::deleted, kOmitEmpty),
                      field("Untagged", &DeleteItem::untagged, kOmitEmpty)};
  }
  bool operator==(const DeleteItem&) const = default;
};

}  // namespace berth::api
