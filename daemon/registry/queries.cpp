#include "daemon/registry/queries.hpp"

#include <boost/system/system_error.hpp>

#include "daemon/registry/remote.hpp"
#include "daemon/registry/search.hpp"
#include "daemon/registry/source.hpp"

namespace berth::registry {

namespace {

api::OciPlatform shown(const Platform& platform) {
  api::OciPlatform shown;
  shown.architecture = platform.architecture;
  shown.os = platform.os;
  shown.variant = platform.variant;
  return shown;
}

Task<bool> check(std::shared_ptr<Source> source, std::string registry, Credentials credentials) {
  co_await connect(source, std::move(registry), Access{{}, std::move(credentials), false, {}});
  // The first question learns how to authenticate; only the next one is sent with a password.
  co_await source->session->ping();
  co_return true;
}

Task<api::DistributionInspect> look(std::shared_ptr<Source> source, ImageReference name,
                                    Credentials credentials) {
  const FetchedManifest manifest = co_await find_manifest(source, name, std::move(credentials));
  api::DistributionInspect answer;
  answer.descriptor.media_type = manifest.media_type;
  answer.descriptor.digest = manifest.digest.str();
  answer.descriptor.size = static_cast<std::int64_t>(manifest.body.size());
  if (is_index(manifest.media_type)) {
    for (const IndexEntry& entry : parse_index(manifest.body).manifests) {
      if (entry.has_platform) answer.platforms.push_back(shown(entry.platform));
    }
    co_return answer;
  }
  const ImageManifest image = parse_image_manifest(manifest.body);
  const std::string config =
      co_await fetch_small_blob(*source->session, image.config, source->options);
  answer.platforms.push_back(shown(parse_config(config).platform));
  co_return answer;
}

}  // namespace

struct Queries::State {
  State(asio::any_io_executor control, TransferThread& on, Options given)
      : thread(on), remote(std::move(control), on.executor()), options(std::move(given)) {}

  /// The result of a coroutine of the other thread.
  template <typename T>
  Task<T> ask(Task<T> question, std::string what) {
    thread.start();
    try {
      co_return co_await remote.call(std::move(question));
    } catch (const boost::system::system_error& error) {
      rethrow_translated(error, what);
    }
  }

  std::shared_ptr<Source> source() { return make_source(remote.network(), options); }

  TransferThread& thread;
  Remote remote;
  Options options;
};

Queries::Queries(asio::any_io_executor control, TransferThread& transfers, Options options)
    : state_(std::make_unique<State>(std::move(control), transfers, std::move(options))) {}
Queries::~Queries() = default;

Task<> Queries::check_credentials(std::string registry, Credentials credentials) {
  std::string what = "login to \"" + registry + "\"";
  Task<bool> question = check(state_->source(), std::move(registry), std::move(credentials));
  co_await state_->ask(std::move(question), std::move(what));
}

Task<api::DistributionInspect> Queries::inspect(ImageReference name, Credentials credentials) {
  std::string what = "the look at \"" + name.familiar() + "\"";
  Task<api::DistributionInspect> question =
      look(state_->source(), name.with_default_tag(), std::move(credentials));
  co_return co_await state_->ask(std::move(question), std::move(what));
}

Task<std::vector<api::SearchResult>> Queries::search(SearchRequest request) {
  std::string what = "the search for \"" + request.term + "\"";
  Task<std::vector<api::SearchResult>> question = search_registry(
      state_->source(), std::move(request.term), request.limit, std::move(request.credentials));
  co_return co_await state_->ask(std::move(question), std::move(what));
}

Task<> Queries::close() {
  co_await state_->remote.drained();
}

}  // namespace berth::registry
