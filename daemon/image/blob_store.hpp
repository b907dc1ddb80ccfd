// Content-addressed files: <data root>/blobs/sha256/<hex>. Blocking, any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "common/crypto/sha256.hpp"
#include "common/digest.hpp"
#include "common/fd.hpp"

namespace berth::image {

class BlobStore {
 public:
  /// Makes the folders and clears what was left half written. Throws Error.
  explicit BlobStore(const std::filesystem::path& data_root);

  /// A blob on its way in. Leaves nothing unless committed.
  class Writer {
   public:
    Writer(Writer&& other) noexcept;
    Writer& operator=(Writer&&) = delete;
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    /// Throws Error.
    void append(std::span<const std::byte> data);
    /// Keeps the blob, durably, when it is what was expected. Throws Error{kInvalidArgument} when
    /// digest or size differ.
    Digest commit(const std::optional<Digest>& digest, std::optional<std::uint64_t> size);

   private:
    friend class BlobStore;
    Writer(const BlobStore& store, std::filesystem::path path);

    const BlobStore* store_;
    std::filesystem::path path_;
    Fd file_;
    Sha256 hash_;
    std::uint64_t size_ = 0;
  };
  Writer begin() const;

  /// Stores a small blob durably. Throws Error.
  Digest put(std::string_view content) const;
  /// The content, checked against its digest. Throws Error: kNotFound, kInternal when damaged.
  std::string read(const Digest& digest) const;
  bool contains(const Digest& digest) const;
  /// Success when there is none.
  void remove(const Digest& digest) const;
  /// Removes all but these.
  void keep_only(const std::set<Digest>& digests) const;

 private:
  std::filesystem::path path_of(const Digest& digest) const;

  std::filesystem::path folder_;
  std::filesystem::path incoming_;
};

}  // namespace berth::image
