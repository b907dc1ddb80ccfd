#include "daemon/container/volumes.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/text.hpp"
#include "daemon/async/rollback.hpp"
#include "daemon/container/mounts.hpp"

namespace berth::container {

namespace {

api::StringMap labels_for(const api::HostConfig& host_config, const VolumeMount& mount) {
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.target == mount.destination && wanted.volume_options)
      return wanted.volume_options->labels;
  }
  return {};
}

}  // namespace

std::vector<VolumeMount> wanted_volumes(const api::HostConfig& host_config) {
  std::vector<VolumeMount> volumes;
  for (const std::string& text : host_config.binds) {
    const Bind bind = parse_bind(text);
    if (!bind.is_volume()) continue;
    const bool readonly =
        std::find(bind.options.begin(), bind.options.end(), "ro") != bind.options.end();
    volumes.push_back({bind.source, "", bind.destination, readonly, join(bind.options, ",")});
  }
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.type == "volume")
      volumes.push_back({wanted.source, "", wanted.target, wanted.read_only, "z"});
  }
  return volumes;
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
  for (const VolumeMount& mount : container->definition.volumes) {
    if (!services.volumes.is_anonymous(mount.name)) continue;
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
