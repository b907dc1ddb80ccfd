#include "daemon/routes/image_names.hpp"

#include "common/error.hpp"

namespace berth::routes {

std::optional<ImageReference> new_name(const std::string& repository, const std::string& tag) {
  if (repository.empty()) return std::nullopt;
  const ImageReference name = ImageReference::parse(repository);
  if (!name.digest().empty()) {
    throw Error(ErrorKind::kInvalidArgument, "cannot import digest reference");
  }
  return tag.empty() ? name.with_default_tag() : name.with_tag(tag);
}

}  // namespace berth::routes
