// Tells the volume room which containers need a volume.
#pragma once

#include <algorithm>

#include "daemon/container/services.hpp"

namespace berth::container {

class VolumeUsersOfContainers : public volume::VolumeUsers {
 public:
  explicit VolumeUsersOfContainers(const Services& services) : services_(services) {}

  std::vector<std::string> users_of(const std::string& volume) const override {
    std::vector<std::string> users;
    for (const ContainerPtr& container : services_.index.all()) {
      const auto& volumes = container->definition.volumes;
      if (std::any_of(volumes.begin(), volumes.end(),
                      [&](const VolumeMount& mount) { return mount.name == volume; }))
        users.push_back(container->id().str());
    }
    return users;
  }

 private:
  const Services& services_;
};

}  // namespace berth::container
