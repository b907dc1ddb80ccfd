// POST /commit: an image out of a container.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/container_config.hpp"
#include "common/image_reference.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

struct CommitOptions {
  /// No process of the container runs while its files are read.
  bool pause = true;
  std::string author;
  std::string comment;
  /// For the image's history; empty for the container's command.
  std::string created_by;
  /// The image's configuration.
  api::ImageConfig config;
  std::optional<ImageReference> name;
};

/// What an image of the container says when nothing is changed: the container's own configuration.
api::ImageConfig image_config_of(const api::ContainerConfig& config);

/// The configuration that a request asks for: `wanted`, or the container's own without it, with the
/// instructions `changes` applied, and what is then missing taken from the container. Throws
/// Error{kInvalidArgument}.
api::ImageConfig committed_config(const api::ContainerConfig& container,
                                  const std::optional<api::ContainerConfig>& wanted,
                                  const std::vector<std::string>& changes);

/// A new image: the container's, and what the container changed of it as a layer more. Mounts and
/// what the engine itself puts into a container are left out. Throws Error: kConflict for a
/// container that is being removed, kNotFound when its image is gone.
Task<image::ImageId> commit(Services& services, ContainerPtr container, CommitOptions options);

}  // namespace berth::container
