// A tar from anybody becomes files below a folder. Blocking.
#pragma once

#include <optional>
#include <utility>

#include <sys/types.h>

#include "common/id_map.hpp"

namespace berth::image {

struct UnpackOptions {
  bool keep_kinds = false;  // see LayerWriter::keep_kinds()
  std::optional<std::pair<uid_t, gid_t>> owner;
  IdMaps ids{};  // see LayerWriter::set_ids()
};

/// Reads the archive from `in`: plain, or compressed with gzip, bzip2, xz or zstd. What was written
/// before an error stays. Throws Error{kInvalidArgument} for what is no tar, or a malicious one.
void unpack_archive(int in, int folder, const UnpackOptions& options);

}  // namespace berth::image
