// What create fixes of a container.
#pragma once

#include <string>
#include <vector>

#include "api/container_config.hpp"
#include "api/host_config.hpp"
#include "api/networking.hpp"
#include "common/ids.hpp"
#include "common/time.hpp"

namespace berth::container {

/// A volume at a place in the container.
struct VolumeMount {
  std::string name;
  std::string source;  // on the host
  std::string destination;
  bool read_only = false;
  std::string mode;  // as asked for, and shown
  /// Of a container that is being made: what the image has there is copied into an empty volume.
  bool copies = false;
};

/// Persisted as JSON, with the API's own names inside.
struct Definition {
  ContainerId id;
  Timestamp created;
  api::ContainerConfig config;  // the request's, completed from the image's
  api::HostConfig host_config;
  api::NetworkingConfig networking;
  std::vector<VolumeMount> volumes;
  std::string image_id;
  std::string storage_driver;
  std::string platform = "linux";
};

}  // namespace berth::container
