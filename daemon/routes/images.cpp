#include "daemon/routes/images.hpp"

#include <exception>

#include "api/fields.hpp"
#include "api/image.hpp"
#include "common/error.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/routes/progress_stream.hpp"

namespace berth::routes {

namespace {

using http::Exchange;
using image::ImageService;

/// Before API 1.43 an image without names was listed with these, and older clients show it by them.
void adapt_summaries(std::vector<api::ImageSummary>& summaries, http::ApiVersion version) {
  if (version >= http::ApiVersion{1, 43}) return;
  for (api::ImageSummary& summary : summaries) {
    if (!summary.repo_tags.empty() || !summary.repo_digests.empty()) continue;
    summary.repo_tags.emplace_back("<none>:<none>");
    summary.repo_digests.emplace_back("<none>@<none>");
  }
}

// ---- answers

Task<> list(ImageService& images, Exchange& exchange) {
  image::ListQuery query;
  query.filters = exchange.query().filters();
  query.shared_size = exchange.query().flag("shared-size");
  auto summaries = images.list(query);
  adapt_summaries(summaries, exchange.request().version);
  co_await exchange.send_json(200, api::list_to_text(summaries) + "\n");
}

Task<> inspect(ImageService& images, Exchange& exchange) {
  const api::ImageInspect shown = images.inspect(exchange.parameter("name"));
  co_await exchange.send_json(200, api::to_text(shown) + "\n");
}

Task<> history(ImageService& images, Exchange& exchange) {
  const auto items = co_await images.history(exchange.parameter("name"));
  co_await exchange.send_json(200, api::list_to_text(items) + "\n");
}

Task<> tag(ImageService& images, Exchange& exchange) {
  co_await images.tag(exchange.parameter("name"), exchange.query().text("repo"),
                      exchange.query().text("tag"));
  co_await exchange.send_empty(201);
}

Task<> remove(ImageService& images, Exchange& exchange) {
  image::RemoveRequest request;
  request.name = exchange.parameter("name");
  request.force = exchange.query().flag("force");
  request.no_prune = exchange.query().flag("noprune");
  const auto items = co_await images.remove(std::move(request));
  co_await exchange.send_json(200, api::list_to_text(items) + "\n");
}

Task<> refuse_save(ImageService& /*images*/, Exchange& /*exchange*/) {
  throw Error(ErrorKind::kNotImplemented, "saving images is not supported yet");
  co_return;
}

// ---- load

/// The body, on the disk.
Task<Fd> spool(ImageService& images, Exchange& exchange) {
  constexpr std::size_t kBlock = std::size_t{1} << 20U;
  image::Spool spool = co_await images.make_spool();
  std::vector<char> block(kBlock);
  for (;;) {
    std::size_t filled = 0;
    while (filled < block.size()) {
      const std::size_t got = co_await exchange.read_some(std::span(block).subspan(filled));
      if (got == 0) break;
      filled += got;
    }
    if (filled == 0) break;
    co_await spool.append(std::span<const char>(block).first(filled));
    if (filled < block.size()) break;
  }
  co_return spool.take();
}

Task<> load(ImageService& images, Exchange& exchange) {
  Fd archive = co_await spool(images, exchange);
  ProgressStream stream(exchange);
  std::exception_ptr failure;
  try {
    image::ProgressSink sink = [&stream](std::string line) {
      return stream.write(std::move(line));
    };
    co_await images.load(std::move(archive), exchange.query().flag("quiet"), std::move(sink));
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await stream.fail(failure);
  } else {
    co_await stream.end();
  }
}

// ---- pull

/// What `fromImage` and `tag` name together: the tag's parameter wins, a digest wins over both.
ImageReference pulled_name(const http::Query& query) {
  const ImageReference name = ImageReference::parse(query.text("fromImage"));
  const std::string tag = query.text("tag");
  if (tag.empty() || !name.digest().empty()) return name.with_default_tag();
  if (tag.find(':') != std::string::npos) return name.with_digest(parse_digest(tag));
  return name.with_tag(tag);
}

Task<> pull(registry::Puller& puller, Exchange& exchange) {
  const http::Query& query = exchange.query();
  if (!query.has("fromImage")) {
    const bool import = query.has("fromSrc");
    throw Error(import ? ErrorKind::kNotImplemented : ErrorKind::kInvalidArgument,
                import ? "importing images (fromSrc) is not supported yet: use load"
                       : "the parameter fromImage is missing");
  }
  registry::PullRequest request{
      pulled_name(query), query.text("platform"),
      registry::parse_registry_auth(exchange.request().header("x-registry-auth"))};
  ProgressStream stream(exchange);
  std::exception_ptr failure;
  try {
    registry::ProgressSink sink = [&stream](std::string lines) {
      return stream.write(std::move(lines));
    };
    co_await puller.pull(std::move(request), std::move(sink));
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await stream.fail(failure);
  } else {
    co_await stream.end();
  }
}

}  // namespace

void add_image_routes(http::Router& router, ImageService& images, registry::Puller& puller) {
  using Operation = Task<> (*)(ImageService&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern,
               [&images, operation](Exchange& exchange) { return operation(images, exchange); });
  };
  add("GET", "/images/json", list);
  add("POST", "/images/load", load);
  add("GET", "/images/get", refuse_save);
  add("GET", "/images/{name...}/json", inspect);
  add("GET", "/images/{name...}/history", history);
  add("GET", "/images/{name...}/get", refuse_save);
  add("POST", "/images/{name...}/tag", tag);
  add("DELETE", "/images/{name...}", remove);
  router.add("POST", "/images/create",
             [&puller](Exchange& exchange) { return pull(puller, exchange); });
}

}  // namespace berth::routes
