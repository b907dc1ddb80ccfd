// Names of images as users write them, in the normal form that other engines give them: "nginx" is
// "docker.io/library/nginx". The grammar is that of the OCI distribution specification's names with
// a registry in front, a tag and a digest behind.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "common/digest.hpp"

namespace berth {

/// "[registry/]repository[:tag][@digest]". Immutable; every object was checked.
class ImageReference {
 public:
  /// Throws Error{kInvalidArgument, "invalid reference format: ..."} with what is wrong.
  static ImageReference parse(std::string_view text);

  /// "docker.io", "localhost", "host:5000", "[::1]:5000"
  const std::string& registry() const noexcept { return registry_; }
  /// "library/nginx"
  const std::string& repository() const noexcept { return repository_; }
  /// Empty when there is none.
  const std::string& tag() const noexcept { return tag_; }
  const Digest& digest() const noexcept { return digest_; }
  bool is_name_only() const noexcept { return tag_.empty() && digest_.empty(); }

  /// With tag "latest" when there is neither tag nor digest.
  ImageReference with_default_tag() const;
  /// The same name with just this tag. Throws as parse() does.
  ImageReference with_tag(std::string_view tag) const;
  /// The same name with just this digest.
  ImageReference with_digest(const Digest& digest) const;
  /// Neither tag nor digest.
  ImageReference name_only() const;

  /// "docker.io/library/nginx"
  std::string name() const;
  /// "docker.io/library/nginx:latest"; the text that parse() gives back unchanged.
  std::string str() const;
  /// As people write it, without "docker.io" and "library": "nginx".
  std::string familiar_name() const;
  /// "nginx:latest", "nginx@sha256:..."
  std::string familiar() const;

  auto operator<=>(const ImageReference&) const = default;

 private:
  ImageReference() = default;
  std::string suffix() const;

  std::string registry_;
  std::string repository_;
  std::string tag_;
  Digest digest_;
};

/// The registry that a login's server address means: "docker.io" for "https://index.docker.io/v1/"
/// and for an empty text, "host:5000" for "https://host:5000/v2/".
std::string registry_of_address(std::string_view address);

}  // namespace berth
