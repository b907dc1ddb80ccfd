// A layer's tar, plain or compressed, becomes the files of a layer's folder. Blocking.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "common/digest.hpp"
#include "daemon/image/byte_reader.hpp"
#include "daemon/storage/driver.hpp"

namespace berth::image {

struct Unpacked {
  /// Of the uncompressed tar, all of it.
  DiffId diff_id;
  /// Bytes of the files.
  std::uint64_t size = 0;
  /// The tar had no entries at all.
  bool empty = true;
};

/// `open` is called once, on a thread of its own. `recipe` gets the tar's recipe (tar_recipe.hpp);
/// empty for none. Stops early with Error{kCancelled} when `stop`
/// (may be null) becomes true. Throws Error: kInvalidArgument for a damaged or malicious archive,
/// kInternal when the file system refuses; the folder then holds a part.
Unpacked unpack_layer(const std::function<std::unique_ptr<ByteReader>()>& open, int root,
                      storage::Whiteouts whiteouts, const std::filesystem::path& recipe,
                      const std::atomic<bool>* stop);

}  // namespace berth::image
