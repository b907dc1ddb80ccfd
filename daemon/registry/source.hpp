// A registry that answered: its client and session together, on the executor of transfers.
#pragma once

#include <memory>
#include <optional>

#include <boost/system/system_error.hpp>

#include "common/image_reference.hpp"
#include "common/log/log.hpp"
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

/// Made where it is missing, below the system's folder when none is named; one that cannot be made
/// is reported by the first file in it.
Options with_temporary_folder(Options options);

/// The last owner may be on another thread: the destructor is sent home.
std::shared_ptr<Source> make_source(asio::any_io_executor executor, const Options& options);

/// Asio's exceptions end here: throws Error, kCancelled for a cancelled `what`.
[[noreturn]] void rethrow_translated(const boost::system::system_error& error,
                                     const std::string& what);

/// True when another endpoint may still know better: a mirror's word is never the last, and a host
/// or handshake that fails says nothing about the next scheme.
bool may_try_next(const Endpoint& endpoint, const Error& error);

/// What `attempt` gives for the first endpoint that it does not fail for.
template <typename T, typename Attempt>
Task<T> try_endpoints(std::vector<Endpoint> endpoints, Attempt attempt) {
  for (std::size_t i = 0;; ++i) {
    try {
      co_return co_await attempt(endpoints.at(i));
    } catch (const Error& error) {
      if (i + 1 == endpoints.size() || !may_try_next(endpoints[i], error)) throw;
      log::debug("{}: {}; trying the next way", endpoints[i].base.authority(), error.what());
    }
  }
}

/// Leaves a session in `source` that may do what `access` says, with the first endpoint of the
/// registry that answers; mirrors are passed over. Throws Error. (It returns true, since a result
/// is what Remote::call() hands over.)
Task<bool> connect(std::shared_ptr<Source> source, std::string registry, Access access);

/// What a name led to.
struct ResolvedManifest {
  /// Of the name itself: the index's, or the manifest's.
  Digest name_digest;
  FetchedManifest manifest;
  ImageManifest image;
  std::string config;
  ConfigSummary summary;
};

/// What a name leads to, without looking inside: an index stays one. Throws as resolve_manifest().
Task<FetchedManifest> find_manifest(std::shared_ptr<Source> source, ImageReference name,
                                    Credentials credentials);

/// The tag or digest that the registry is asked for.
std::string manifest_reference(const ImageReference& name);

/// Tries the registry's endpoints in turn, and leaves the session of the one that answered in
/// `source`; fetches the manifest for the platform (the host's when there is none) and the
/// configuration. Throws Error with the texts that users know ("manifest for x:y not found", "pull
/// access denied for x").
Task<ResolvedManifest> resolve_manifest(std::shared_ptr<Source> source, ImageReference name,
                                        Credentials credentials, std::optional<Platform> platform);

}  // namespace berth::registry
