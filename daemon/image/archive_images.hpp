// What images an archive holds: the manifest.json of `docker save`, or the index.json of an OCI
// image layout. Blocking.
#pragma once

#include <string>
#include <vector>

#include "common/image_reference.hpp"
#include "daemon/image/archive_file.hpp"
#include "daemon/image/config.hpp"

namespace berth::image {

struct ArchiveImage {
  std::string config;
  ConfigDocument document;
  /// Members of the archive, lowest layer first; as many as the document's diff ids.
  std::vector<std::string> layers;
  std::vector<ImageReference> names;
  /// Of an OCI layout; else empty.
  std::string manifest;
  std::string manifest_type;
};

/// Throws Error{kInvalidArgument} that says what is wrong with the archive.
std::vector<ArchiveImage> read_images(const ArchiveFile& archive);

}  // namespace berth::image
