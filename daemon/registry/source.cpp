#include "daemon/registry/source.hpp"

#include <filesystem>

#include <boost/asio/post.hpp>

namespace berth::registry {

namespace {

Task<> ping(Session& session, const Options& options) {
  const auto attempt = [&] { return session.ping(); };
  co_await keep_trying<void>(options, Retry::Unreachable::kFails, attempt);
}

/// The manifest from the first endpoint that has it.
Task<FetchedManifest> first_manifest(std::shared_ptr<Source> source, ImageReference name,
                                     Credentials credentials) {
  const auto attempt = [&](const Endpoint& endpoint) -> Task<FetchedManifest> {
    Access access{name.repository(), credentials, false, {}};
    source->session =
        std::make_unique<Session>(source->client, source->options, endpoint, std::move(access));
    co_await ping(*source->session, source->options);
    co_return co_await fetch_manifest(*source->session, manifest_reference(name), source->options);
  };
  co_return co_await try_endpoints<FetchedManifest>(
      pull_endpoints(source->options, name.registry()), attempt);
}

/// The registry's refusals in the words that users and scripts know.
[[noreturn]] void explain(const RegistryError& error, const ImageReference& name) {
  if (error.has_code("MANIFEST_UNKNOWN") ||
      (error.status() == 404 && !error.has_code("NAME_UNKNOWN"))) {
    throw Error(ErrorKind::kNotFound,
                "manifest for " + name.familiar() + " not found: manifest unknown");
  }
  if (error.status() == 401 || error.status() == 403 || error.status() == 404) {
    throw Error(ErrorKind::kNotFound, "pull access denied for " + name.familiar_name() +
                                          ", repository does not exist or may require 'docker "
                                          "login': " +
                                          error.what());
  }
  throw Error(error.kind(), error.what());
}

Task<> enter_index(Session& session, const Options& options, FetchedManifest& manifest,
                   Platform wanted) {
  const auto chosen = select_platform(parse_index(manifest.body), wanted);
  if (!chosen) {
    throw Error(ErrorKind::kNotFound,
                "no matching manifest for " + wanted.str() + " in the manifest list entries");
  }
  manifest = co_await fetch_manifest(session, chosen->digest.str(), options);
  if (manifest.body.size() != chosen->size) {
    throw Error(ErrorKind::kInternal, "manifest \"" + chosen->digest.str() +
                                          "\" from the registry has not the size that the "
                                          "manifest list says");
  }
}

void check_image(const ResolvedManifest& resolved, const ImageReference& name,
                 const std::optional<Platform>& platform) {
  if (resolved.summary.diff_ids.size() != resolved.image.layers.size()) {
    throw Error(ErrorKind::kInternal,
                "image \"" + name.familiar() + "\" is inconsistent: its manifest has " +
                    std::to_string(resolved.image.layers.size()) + " layers, its configuration " +
                    std::to_string(resolved.summary.diff_ids.size()));
  }
  if (!platform) return;
  const Platform& actual = resolved.summary.platform;
  if (serves(actual, *platform)) return;
  throw Error(ErrorKind::kNotFound,
              "image with reference " + name.familiar() +
                  " was found but does not match the specified platform: wanted " +
                  platform->str() + ", actual: " + actual.str());
}

}  // namespace

std::string manifest_reference(const ImageReference& name) {
  return name.digest().empty() ? name.tag() : name.digest().str();
}

Options with_temporary_folder(Options options) {
  if (options.temporary.empty()) options.temporary = std::filesystem::temp_directory_path();
  std::error_code ignored;
  std::filesystem::create_directories(options.temporary, ignored);
  return options;
}

std::shared_ptr<Source> make_source(asio::any_io_executor executor, const Options& options) {
  auto source = std::make_unique<Source>(executor, options);
  return {source.release(), [executor](Source* last) {
            asio::post(executor, [owned = std::unique_ptr<Source>(last)] {});
          }};
}

void rethrow_translated(const boost::system::system_error& error, const std::string& what) {
  if (error.code() == asio::error::operation_aborted) {
    throw Error(ErrorKind::kCancelled, what + " was cancelled");
  }
  throw Error(ErrorKind::kInternal, what + ": " + error.what());
}

bool may_try_next(const Endpoint& endpoint, const Error& error) {
  if (endpoint.mirror) return true;
  const auto* network = dynamic_cast<const NetworkError*>(&error);
  return network != nullptr && network->stage() != NetworkError::Stage::kTransfer;
}

Task<bool> connect(std::shared_ptr<Source> source, std::string registry, Access access) {
  const auto attempt = [&](const Endpoint& endpoint) -> Task<bool> {
    source->session = std::make_unique<Session>(source->client, source->options, endpoint, access);
    co_await ping(*source->session, source->options);
    co_return true;
  };
  co_return co_await try_endpoints<bool>(own_endpoints(source->options, registry), attempt);
}

Task<FetchedManifest> find_manifest(std::shared_ptr<Source> source, ImageReference name,
                                    Credentials credentials) {
  try {
    co_return co_await first_manifest(source, name, std::move(credentials));
  } catch (const RegistryError& error) {
    explain(error, name);
  }
}

Task<ResolvedManifest> resolve_manifest(std::shared_ptr<Source> source, ImageReference name,
                                        Credentials credentials, std::optional<Platform> platform) {
  ResolvedManifest resolved;
  try {
    resolved.manifest = co_await first_manifest(source, name, std::move(credentials));
    resolved.name_digest = resolved.manifest.digest;
    Session& session = *source->session;
    if (is_index(resolved.manifest.media_type)) {
      Platform wanted = platform ? *platform : host_platform();
      co_await enter_index(session, source->options, resolved.manifest, std::move(wanted));
    }
    resolved.image = parse_image_manifest(resolved.manifest.body);
    resolved.config = co_await fetch_small_blob(session, resolved.image.config, source->options);
  } catch (const RegistryError& error) {
    explain(error, name);
  }
  resolved.summary = parse_config(resolved.config);
  check_image(resolved, name, platform);
  co_return resolved;
}

}  // namespace berth::registry
