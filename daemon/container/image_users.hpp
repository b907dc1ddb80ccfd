// Tells the image room which containers need an image.
#pragma once

#include "daemon/container/services.hpp"
#include "daemon/image/types.hpp"

namespace berth::container {

class ImageUsersOfContainers : public image::ImageUsers {
 public:
  explicit ImageUsersOfContainers(const Services& services) : services_(services) {}

  std::vector<image::ImageUse> users_of(const image::ImageId& image) const override {
    std::vector<image::ImageUse> users;
    for (const ContainerPtr& container : services_.index.all()) {
      if (container->definition.image_id != image.str()) continue;
      users.push_back({container->id().str(), container->state.is_active()});
    }
    return users;
  }

 private:
  const Services& services_;
};

}  // namespace berth::container
