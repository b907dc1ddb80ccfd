// The user's credentials for registries, where every tool of the field keeps them: in the file
// config.json of $DOCKER_CONFIG or ~/.docker, or with a credential helper that this file names
// (docker-credential-<name>, "Docker credential helpers protocol").
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/auth.hpp"

namespace berth::client {

/// The name under which credentials are kept: "https://index.docker.io/v1/" for Docker Hub and an
/// empty text, else "host[:port]" of an address.
std::string credentials_key(std::string_view address);

/// The key of the registry that an image's name begins with. Throws Error{kInvalidArgument}.
std::string credentials_key_of_image(std::string_view image);

/// The header X-Registry-Auth: base64url of the credentials' JSON.
std::string registry_auth(const api::AuthConfig& credentials);

class CredentialStore {
 public:
  /// Of the user's own folder. A missing file is an empty one. Throws Error for one that cannot be
  /// read.
  CredentialStore();
  explicit CredentialStore(std::filesystem::path folder);

  /// Empty when none are known. Throws Error when a helper fails.
  api::AuthConfig find(const std::string& key) const;
  /// True when they were written to the file, where whoever may read it reads them.
  bool save(const std::string& key, const api::AuthConfig& credentials);
  /// False when there were none.
  bool erase(const std::string& key);

  std::filesystem::path file() const { return folder_ / "config.json"; }

 private:
  std::string helper_of(const std::string& key) const;
  void write() const;

  std::filesystem::path folder_;
  /// All of the file: what is not ours stays as it is.
  nlohmann::ordered_json config_;
};

}  // namespace berth::client
