// Manifests and blobs, checked against their digests and sizes, with retries and resumption.
//
// Runs on the session's executor.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>

#include "common/crypto/sha256.hpp"
#include "common/fd.hpp"
#include "daemon/registry/manifest.hpp"
#include "daemon/registry/retry.hpp"
#include "daemon/registry/session.hpp"

namespace berth::registry {

struct FetchedManifest {
  std::string media_type;
  /// Computed from the body.
  Digest digest;
  std::string body;
};

/// `reference` is a tag or a digest; a digest's body must have it. Throws what Session::get throws,
/// and Error{kInternal} when the body is not what was asked for.
Task<FetchedManifest> fetch_manifest(Session& session, std::string reference,
                                     const Options& options);

/// A configuration; throws as fetch_manifest does.
Task<std::string> fetch_small_blob(Session& session, Descriptor descriptor, const Options& options);

/// A blob on its way to an unnamed file: it needs no clean-up, whatever happens.
class BlobFile {
 public:
  /// In a folder that exists. Throws Error.
  explicit BlobFile(const std::filesystem::path& folder);

  void append(std::span<const std::byte> data);
  /// Other threads may ask, too.
  std::uint64_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  Digest finish() { return hash_.finish(); }
  /// A new open file of the same content, for reading, at its start. Throws Error.
  Fd open_again() const;

 private:
  Fd file_;
  Sha256 hash_;
  std::atomic<std::uint64_t> size_{0};
};

/// Downloads all of the blob; a cut connection is resumed where it was cut. Throws as
/// fetch_manifest does.
Task<> fetch_blob(Session& session, Descriptor descriptor, BlobFile& file, const Options& options);

}  // namespace berth::registry
