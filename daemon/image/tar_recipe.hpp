// How to make a layer's tar again, byte by byte, from the layer's files: kept beside them when the
// tar is unpacked, since its digest names the layer wherever it goes.
//
//   bytes 0-7    "brecipe1"
//         8-15   the tar's size, little endian; all ones while it is being written
//         16-    zstd: records of a kind's byte and
//                  'R'  u32 length, bytes of the tar: headers, padding, what is no file's content
//                  'F'  u64 size, u32 length of a path, the path: the content of that file
//                  'E'  nothing: the end
//
// Blocking. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/image/tar_entries.hpp"
#include "daemon/storage/driver.hpp"

namespace berth::image {

class RecipeFile;

/// Reads a tar as it goes by and writes its recipe. Whatever it does not understand becomes bytes
/// of the recipe.
class RecipeWriter {
 public:
  /// Makes the file `path`. Throws Error.
  explicit RecipeWriter(const std::filesystem::path& path);
  ~RecipeWriter();
  RecipeWriter(const RecipeWriter&) = delete;
  RecipeWriter& operator=(const RecipeWriter&) = delete;

  /// The tar's next bytes.
  void feed(std::span<const std::byte> bytes);
  /// After the last byte. A tar in which a file hides an earlier one has no recipe: the earlier
  /// one's content is nowhere. The file is removed then.
  void finish();

 private:
  std::filesystem::path path_;
  std::unique_ptr<RecipeFile> file_;
  TarEntries entries_;
};

/// Bytes of the layer's tar. Throws Error{kNotImplemented} for a layer without a recipe.
std::uint64_t tar_size(const storage::LayerPlace& layer);

/// The layer's tar, in pieces of up to a MiB. What `sink` throws comes out. Throws
/// Error{kNotImplemented} for a layer without a recipe, kInternal when files are not as they were.
void rebuild_tar(const storage::LayerPlace& layer,
                 const std::function<void(std::string_view piece)>& sink);

}  // namespace berth::image
