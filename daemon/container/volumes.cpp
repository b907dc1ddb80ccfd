#include "daemon/container/volumes.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fcntl.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/log/log.hpp"
#include "common/text.hpp"
#include "daemon/async/rollback.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/visit.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::container {

namespace {

api::StringMap labels_for(const api::HostConfig& host_config, const VolumeMount& mount) {
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.target == mount.destination && wanted.volume_options)
      return wanted.volume_options->labels;
  }
  return {};
}

bool has(const std::vector<std::string>& options, std::string_view wanted) {
  return std::find(options.begin(), options.end(), wanted) != options.end();
}

/// "/a/b" for "/a/./b/".
std::string clean(const std::string& path) {
  std::string result = std::filesystem::path(path).lexically_normal();
  while (result.size() > 1 && result.ends_with('/'))
    result.pop_back();
  return result;
}

/// Whether the request itself mounts something there.
bool is_taken(const api::HostConfig& host_config, const std::vector<VolumeMount>& volumes,
              const std::string& place) {
  const auto same = [&](const std::string& other) { return clean(other) == place; };
  return std::any_of(volumes.begin(), volumes.end(),
                     [&](const VolumeMount& mount) { return same(mount.destination); }) ||
         std::any_of(host_config.binds.begin(), host_config.binds.end(),
                     [&](const std::string& text) { return same(parse_bind(text).destination); }) ||
         std::any_of(host_config.mounts.begin(), host_config.mounts.end(),
                     [&](const api::Mount& mount) { return same(mount.target); }) ||
         std::any_of(host_config.tmpfs.begin(), host_config.tmpfs.end(),
                     [&](const auto& entry) { return same(entry.first); });
}

bool is_empty(const VolumeMount& mount) {
  std::error_code failure;
  return std::filesystem::is_empty(mount.source, failure) && !failure;
}

/// Blocking. What the image does not have, or not as a folder, leaves the volume as it is.
void fill(int root, const VolumeMount& mount) {
  Fd from;
  try {
    from = open_in_root(root, mount.destination, O_RDONLY | O_DIRECTORY);
  } catch (const Error& error) {
    if (error.system_error() == ENOENT || error.system_error() == ENOTDIR) return;
    throw;
  }
  const Fd to = open_file(mount.source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    storage::copy_tree(from.get(), to.get());
  } catch (...) {
    storage::empty_folder(to.get());
    throw;
  }
}

}  // namespace

std::vector<VolumeMount> wanted_volumes(const api::ContainerConfig& config,
                                        const api::HostConfig& host_config) {
  std::vector<VolumeMount> volumes;
  for (const std::string& text : host_config.binds) {
    const Bind bind = parse_bind(text);
    if (!bind.is_volume()) continue;
    volumes.push_back({bind.source, "", bind.destination, has(bind.options, "ro"),
                       join(bind.options, ","), !has(bind.options, "nocopy")});
  }
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.type != "volume") continue;
    const bool copies = !wanted.volume_options || !wanted.volume_options->no_copy;
    volumes.push_back({wanted.source, "", wanted.target, wanted.read_only, "z", copies});
  }
  for (const std::string& wanted : config.volumes) {
    const std::string place = clean(wanted);
    if (!is_taken(host_config, volumes, place)) volumes.push_back({"", "", place, false, "", true});
  }
  return volumes;
}

Task<> fill_volumes(Services& services, ContainerPtr container) {
  auto look = [volumes = container->definition.volumes] {
    std::vector<VolumeMount> wanted;
    for (const VolumeMount& mount : volumes) {
      if (mount.copies && is_empty(mount)) wanted.push_back(mount);
    }
    return wanted;
  };
  if (container->definition.volumes.empty()) co_return;
  const std::vector<VolumeMount> wanted = co_await services.fast.run(std::move(look));
  if (wanted.empty()) co_return;
  const Visit visited = co_await visit(services, container, runtime::VisitMounts::kNone);
  auto copy = [&wanted, root = visited.root.root.get()] {
    for (const VolumeMount& mount : wanted)
      fill(root, mount);
  };
  co_await services.bulk.run(std::move(copy));
}

Task<VolumeHolds> make_volumes(Services& services, ContainerPtr container, Rollback& rollback) {
  VolumeHolds holds;
  for (VolumeMount& mount : container->definition.volumes) {
    api::VolumeCreate request;
    request.name = mount.name;
    request.labels = labels_for(container->definition.host_config, mount);
    volume::VolumeService::Created created = co_await services.volumes.create(std::move(request));
    mount.name = *created.hold;
    mount.source = services.volumes.path(mount.name);
    if (created.is_new) {
      rollback.add("volume " + mount.name,
                   [&services, name = mount.name] { return services.volumes.remove(name, true); });
    }
    holds.push_back(std::move(created.hold));
  }
  co_return holds;
}

Task<> remove_anonymous_volumes(Services& services, ContainerPtr container) {
  const Definition& definition = container->definition;
  // One that was asked for by its name stays, even if nobody had chosen that name.
  std::set<std::string> named;
  for (const VolumeMount& wanted : wanted_volumes(definition.config, definition.host_config))
    named.insert(wanted.name);
  for (const VolumeMount& mount : definition.volumes) {
    if (named.contains(mount.name)) continue;
    try {
      co_await services.volumes.remove(mount.name, true);
    } catch (const Error& error) {
      // Somebody else took it in use.
      if (error.kind() != ErrorKind::kConflict)
        log::warn("container {}: volume {}: {}", container->name, mount.name, error.what());
    }
  }
}

void publish_volumes(Services& services, const Container& container, std::string_view action) {
  for (const VolumeMount& mount : container.definition.volumes) {
    api::StringMap attributes = {{"container", container.id().str()}, {"driver", "local"}};
    if (action == "mount") {
      attributes["destination"] = mount.destination;
      attributes["propagation"] = "";
      attributes["read/write"] = mount.read_only ? "false" : "true";
    }
    services.events.publish("volume", std::string(action), mount.name, std::move(attributes));
  }
}

}  // namespace berth::container
