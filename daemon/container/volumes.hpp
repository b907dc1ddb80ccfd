// A container's volumes: made with it, and anonymous ones removed with it.
#pragma once

#include <string_view>
#include <vector>

#include "api/host_config.hpp"
#include "daemon/async/rollback.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// What the request mounts of volumes, and the image wants where the request mounts nothing;
/// without names where none are given.
std::vector<VolumeMount> wanted_volumes(const api::ContainerConfig& config,
                                        const api::HostConfig& host_config);

using VolumeHolds = std::vector<volume::VolumeService::Hold>;

/// Makes the volumes that are not there yet, names the anonymous ones, and keeps all of them until
/// the container is in the index. What is new goes again by `rollback`.
Task<VolumeHolds> make_volumes(Services& services, ContainerPtr container, Rollback& rollback);

/// Of a container that has its writable layer: copies what its image has at the places of empty
/// volumes. Throws Error; then these are empty again.
Task<> fill_volumes(Services& services, ContainerPtr container);

/// Of a container that is gone: the volumes that were made for it alone and that nobody else uses.
Task<> remove_anonymous_volumes(Services& services, ContainerPtr container);

/// Publishes that the container mounted ("mount") or left ("unmount") its volumes.
void publish_volumes(Services& services, const Container& container, std::string_view action);

}  // namespace berth::container
