// POST /commit
#include "api/container_config.hpp"
#include "api/error.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/container/commit_op.hpp"
#include "daemon/routes/containers.hpp"
#include "daemon/routes/image_names.hpp"

namespace berth::routes {

namespace {

using container::ContainerPtr;
using container::Services;
using http::Exchange;

Task<> commit(Services& services, Exchange& exchange) {
  const http::Query& query = exchange.query();
  const std::string body = co_await exchange.read_json();
  const ContainerPtr container = services.index.find(query.text("container"));
  std::optional<api::ContainerConfig> wanted;
  if (!body.empty() && body != "null") wanted = api::from_text<api::ContainerConfig>(body);
  container::CommitOptions options;
  options.pause = query.flag("pause", true);
  options.author = query.text("author");
  options.comment = query.text("comment");
  options.name = new_name(query.text("repo"), query.text("tag"));
  options.config =
      container::committed_config(container->definition.config, wanted, query.all("changes"));
  const image::ImageId id = co_await container::commit(services, container, std::move(options));
  co_await exchange.send_json(201, api::to_text(api::IdResponse{id.str()}) + "\n");
}

}  // namespace

void add_commit_routes(http::Router& router, Services& services) {
  router.add("POST", "/commit",
             [&services](Exchange& exchange) { return commit(services, exchange); });
}

}  // namespace berth::routes
