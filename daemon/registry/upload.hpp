// Blobs and manifests on their way to a registry (OCI Distribution Specification 1.1, "Push").
//
// Runs on the session's executor. Everything is tried again as Options says, and throws what
// Session::send throws.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "daemon/registry/outgoing_blob.hpp"
#include "daemon/registry/retry.hpp"
#include "daemon/registry/session.hpp"

namespace berth::registry {

/// The blob's size; nothing when the repository has no such blob.
Task<std::optional<std::uint64_t>> find_blob(Session& session, Digest digest,
                                             const Options& options);

/// Asks for another repository's blob; false when the registry does not want to.
Task<bool> mount_blob(Session& session, Digest digest, std::string from, const Options& options);

/// Sends the blob, perhaps while it is being made; a broken upload goes on where the registry says
/// it was broken. `sent` counts the bytes.
Task<> upload_blob(Session& session, std::shared_ptr<OutgoingBlob> blob,
                   std::shared_ptr<std::atomic<std::uint64_t>> sent, const Options& options);

/// A blob that is small enough for one request; nothing is sent where it is already.
Task<> upload_document(Session& session, std::string content, const Options& options);

/// Throws Error{kInternal} when the registry tells another digest than the content's.
Task<Digest> put_manifest(Session& session, std::string reference, std::string media_type,
                          std::string content, const Options& options);

}  // namespace berth::registry
