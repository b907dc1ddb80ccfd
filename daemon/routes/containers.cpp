#include "daemon/routes/containers.hpp"

#include "api/container.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/container/attach_op.hpp"
#include "daemon/container/create_op.hpp"
#include "daemon/container/list.hpp"
#include "daemon/container/pause_op.hpp"
#include "daemon/container/remove_op.hpp"
#include "daemon/container/rename_op.hpp"
#include "daemon/container/size.hpp"
#include "daemon/container/start_op.hpp"
#include "daemon/container/stop_op.hpp"
#include "daemon/container/update_op.hpp"
#include "daemon/container/view.hpp"
#include "daemon/routes/compat.hpp"
#include "daemon/routes/terminal_size.hpp"

namespace berth::routes {

namespace {

using container::ContainerPtr;
using container::Services;
using http::Exchange;

ContainerPtr find(Services& services, Exchange& exchange) {
  return services.index.find(exchange.parameter("id"));
}

Task<> create(Services& services, Exchange& exchange) {
  const std::string body = co_await exchange.read_json();
  if (body.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "invalid JSON: got EOF while reading request body");
  }
  auto request = api::from_text<api::CreateRequest>(body);
  adapt_create_request(request, exchange.request().version);
  check_platform(exchange.query().text("platform"));
  const api::CreateResponse response =
      co_await container::create(services, std::move(request), exchange.query().text("name"));
  co_await exchange.send_json(201, api::to_text(response) + "\n");
}

Task<> list(Services& services, Exchange& exchange) {
  container::ListOptions options;
  options.all = exchange.query().flag("all");
  options.limit = static_cast<int>(exchange.query().number("limit").value_or(0));
  options.filters = exchange.query().filters();
  auto summaries = container::list(services, options);
  if (exchange.query().flag("size")) co_await container::add_sizes(services, summaries);
  co_await exchange.send_json(200, api::list_to_text(summaries) + "\n");
}

Task<> inspect(Services& services, Exchange& exchange) {
  const ContainerPtr container = find(services, exchange);
  auto shown = container::inspect(*container, services.settings);
  if (exchange.query().flag("size")) {
    const container::Sizes sizes = co_await container::measure(services, container);
    shown.size_rw = sizes.writable;
    shown.size_root_fs = sizes.root;
  }
  co_await exchange.send_json(200, api::to_text(shown) + "\n");
}

Task<> start(Services& services, Exchange& exchange) {
  std::optional<container::CheckpointName> checkpoint;
  if (std::string id = exchange.query().text("checkpoint"); !id.empty())
    checkpoint = {std::move(id), exchange.query().text("checkpoint-dir")};
  co_await container::start(services, find(services, exchange), container::StartedBy::kUser,
                            std::move(checkpoint));
  co_await exchange.send_empty(204);
}

container::StopOptions stop_options(const Exchange& exchange) {
  container::StopOptions options;
  options.signal = exchange.query().text("signal");
  if (const auto seconds = exchange.query().number("t"))
    options.timeout = std::chrono::seconds(*seconds);
  return options;
}

Task<> stop(Services& services, Exchange& exchange) {
  container::StopOptions options = stop_options(exchange);
  co_await container::stop(services, find(services, exchange), std::move(options));
  co_await exchange.send_empty(204);
}

Task<> restart(Services& services, Exchange& exchange) {
  container::StopOptions options = stop_options(exchange);
  co_await container::restart(services, find(services, exchange), std::move(options));
  co_await exchange.send_empty(204);
}

Task<> kill(Services& services, Exchange& exchange) {
  co_await container::kill(services, find(services, exchange), exchange.query().text("signal"));
  co_await exchange.send_empty(204);
}

Task<> pause(Services& services, Exchange& exchange) {
  co_await container::pause(services, find(services, exchange));
  co_await exchange.send_empty(204);
}

Task<> unpause(Services& services, Exchange& exchange) {
  co_await container::unpause(services, find(services, exchange));
  co_await exchange.send_empty(204);
}

Task<> rename(Services& services, Exchange& exchange) {
  co_await container::rename(services, find(services, exchange), exchange.query().text("name"));
  co_await exchange.send_empty(204);
}

Task<> update(Services& services, Exchange& exchange) {
  const ContainerPtr container = find(services, exchange);
  auto request = api::from_text<api::UpdateRequest>(co_await exchange.read_json());
  const api::UpdateResponse response =
      co_await container::update(services, container, std::move(request));
  co_await exchange.send_json(200, api::to_text(response) + "\n");
}

Task<> remove(Services& services, Exchange& exchange) {
  if (exchange.query().flag("link")) {
    throw Error(ErrorKind::kNotImplemented, "links are not supported, so there is none to remove");
  }
  const auto volumes = exchange.query().flag("v") ? container::AnonymousVolumes::kRemove
                                                  : container::AnonymousVolumes::kKeep;
  co_await container::remove(services, find(services, exchange), exchange.query().flag("force"),
                             volumes);
  co_await exchange.send_empty(204);
}

Task<> resize(Services& services, Exchange& exchange) {
  const TerminalSize size = terminal_size(exchange.query());
  container::resize(services, *find(services, exchange), size.rows, size.columns);
  co_await exchange.send_empty(200);
}

}  // namespace

void add_container_routes(http::Router& router, Services& services) {
  using Operation = Task<> (*)(Services&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern, [&services, operation](Exchange& exchange) {
      return operation(services, exchange);
    });
  };
  add("POST", "/containers/create", create);
  add("GET", "/containers/json", list);
  add("GET", "/containers/{id}/json", inspect);
  add("POST", "/containers/{id}/start", start);
  add("POST", "/containers/{id}/stop", stop);
  add("POST", "/containers/{id}/restart", restart);
  add("POST", "/containers/{id}/kill", kill);
  add("POST", "/containers/{id}/pause", pause);
  add("POST", "/containers/{id}/unpause", unpause);
  add("POST", "/containers/{id}/rename", rename);
  add("POST", "/containers/{id}/update", update);
  add("DELETE", "/containers/{id}", remove);
  add("POST", "/containers/{id}/resize", resize);
  add_container_stream_routes(router, services);
  add_container_archive_routes(router, services);
  add_checkpoint_routes(router, services);
  add_commit_routes(router, services);
}

}  // namespace berth::routes
