// A registry that answered: its client and session together, on the executor of transfers.
#pragma once

#include <memory>

#include "daemon/registry/fetch.hpp"
#include "daemon/registry/manifest.hpp"
#include "daemon/registry/session.hpp"

namespace berth::registry {

/// Made, used and destroyed on the executor of transfers.
struct Source {
  Source(asio::any_io_executor executor, const Options& given)
      : options(given), client(std::move(executor), options) {}

  Options options;
  HttpClient client;
  std::unique_ptr<Session> session;
};

/// The last owner may be on another thread: the destructor is sent home.
std::shared_ptr<Source> make_source(asio::any_io_executor executor, const Options& options);

struct PullName {
  /// "docker.io", "host:port"
  std::string registry;
  /// "library/nginx"
  std::string repository;
  /// A tag or a digest.
  std::string reference;
  /// As users write it, without tag and digest: "nginx", "127.0.0.1:5000/thing".
  std::string familiar;

  /// "nginx:latest", "nginx@sha256:..."
  std::string familiar_reference() const;
};

/// What a name led to.
struct ResolvedManifest {
  /// Of the name itself: the index's, or the manifest's.
  Digest name_digest;
  FetchedManifest manifest;
  ImageManifest image;
  std::string config;
  ConfigSummary summary;
};

/// Tries the registry's endpoints in turn, and leaves the session of the one that answered in
/// `source`; fetches the manifest for the platform (the host's when there is none) and the
/// configuration. Throws Error with the texts that users know ("manifest for x:y not found", "pull
/// access denied for x").
Task<ResolvedManifest> resolve_manifest(std::shared_ptr<Source> source, PullName name,
                                        Credentials credentials, std::optional<Platform> platform);

}  // namespace berth::registry
