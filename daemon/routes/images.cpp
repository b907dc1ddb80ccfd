#include "daemon/routes/images.hpp"

#include <optional>

#include <unistd.h>

#include "api/fields.hpp"
#include "api/image.hpp"
#include "api/progress.hpp"
#include "common/error.hpp"
#include "daemon/image/instructions.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/registry/manifest.hpp"
#include "daemon/routes/image_names.hpp"
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

Task<> save(ImageService& images, Exchange& exchange, std::vector<std::string> names) {
  std::optional<http::StreamSender> sender;
  const auto begin = [&exchange, &sender]() -> Task<> {
    co_await exchange.begin_stream(200, "application/x-tar");
    sender.emplace(exchange.sender());
  };
  const auto sink = [&sender](std::string_view piece) {
    // A client that is gone, and a daemon that stops, end the wait.
    constexpr std::chrono::milliseconds kForever{-1};
    (void)sender->send(piece, kForever);
  };
  co_await images.save(std::move(names), begin, sink);
  co_await exchange.end_stream();
}

Task<> save_one(ImageService& images, Exchange& exchange) {
  return save(images, exchange, {exchange.parameter("name")});
}

Task<> save_many(ImageService& images, Exchange& exchange) {
  std::vector<std::string> names = exchange.query().all("names");
  if (names.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "the parameter names is missing: which images?");
  }
  return save(images, exchange, std::move(names));
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
  const bool quiet = exchange.query().flag("quiet");
  co_await answer_progress(exchange, [&](ProgressSink sink) {
    return images.load(std::move(archive), quiet, std::move(sink));
  });
}

// ---- import

/// An image of one layer: the archive in the request's body.
Task<> import(ImageService& images, Exchange& exchange) {
  const http::Query& query = exchange.query();
  if (query.text("fromSrc") != "-") {
    throw Error(ErrorKind::kNotImplemented,
                "importing from a URL is not supported: send the archive itself, with fromSrc=-");
  }
  image::ChildImage made;
  made.name = new_name(query.text("repo"), query.text("tag"));
  made.comment = query.has("message") ? query.text("message") : "Imported from -";
  image::apply_instructions(made.config, query.all("changes"));
  const registry::Platform platform = registry::parse_platform(query.text("platform"));
  made.architecture = platform.architecture;
  made.variant = platform.variant;
  const auto archive = std::make_shared<Fd>(co_await spool(images, exchange));
  made.open_layer = [archive] {
    check_errno(::lseek(archive->get(), 0, SEEK_SET), "lseek", "archive");
    return std::make_unique<image::FileReader>(std::move(*archive));
  };
  const std::string name = made.name ? made.name->familiar() : "";
  const image::ImportedImage imported = co_await images.importer().add_child(std::move(made));
  images.publish("import", imported.id, imported.id.str());
  if (!name.empty()) images.publish("tag", imported.id, name);
  ProgressStream stream(exchange);
  api::ProgressMessage message;
  message.status = imported.id.str();
  co_await stream.write(api::to_text(message) + "\n");
  co_await stream.end();
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
    throw Error(ErrorKind::kInvalidArgument, "the parameter fromImage is missing");
  }
  registry::PullRequest request{
      pulled_name(query), query.text("platform"),
      registry::parse_registry_auth(exchange.request().header("x-registry-auth"))};
  co_await answer_progress(exchange, [&](ProgressSink sink) {
    return exchange.while_connected(puller.pull(std::move(request), std::move(sink)));
  });
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
  add("GET", "/images/get", save_many);
  add("GET", "/images/{name...}/json", inspect);
  add("GET", "/images/{name...}/history", history);
  add("GET", "/images/{name...}/get", save_one);
  add("POST", "/images/{name...}/tag", tag);
  add("DELETE", "/images/{name...}", remove);
  router.add("POST", "/images/create", [&images, &puller](Exchange& exchange) {
    const http::Query& query = exchange.query();
    const bool imports = query.text("fromImage").empty() && query.has("fromSrc");
    return imports ? import(images, exchange) : pull(puller, exchange);
  });
}

}  // namespace berth::routes
