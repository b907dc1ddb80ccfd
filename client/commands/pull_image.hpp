// Asks the daemon to pull, and shows how it goes. For pull, and for run and create.
#pragma once

#include <string>

#include "client/http/client.hpp"

namespace berth::client {

/// "nginx:1.27" taken apart at its tag or digest.
struct ImageName {
  std::string repository;
  std::string tag;  // or digest; empty when none was given
  bool has_digest = false;

  std::string text() const;
};
ImageName split_image_name(const std::string& text);

/// The header X-Registry-Auth for an image's registry, from the user's credentials; that of nobody
/// where none are known, or the name is none. Throws Error when a credential helper fails.
std::string auth_of_image(const std::string& image);

/// Shows progress on `output`, nothing but errors when `quiet`. Throws ApiError, and Error with the
/// daemon's reason for a pull that failed on its way.
void pull_image(Client& client, const ImageName& image, const std::string& platform, int output,
                bool quiet);

}  // namespace berth::client
