// /containers/{id}/checkpoints
#include "api/checkpoint.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/container/checkpoint_op.hpp"
#include "daemon/routes/containers.hpp"

namespace berth::routes {

namespace {

using container::Services;
using http::Exchange;

Task<> create(Services& services, Exchange& exchange) {
  const container::ContainerPtr found = services.index.find(exchange.parameter("id"));
  const std::string body = co_await exchange.read_json();
  if (body.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "invalid JSON: got EOF while reading request body");
  }
  co_await container::create_checkpoint(services, found,
                                        api::from_text<api::CheckpointRequest>(body));
  co_await exchange.send_empty(201);
}

Task<> list(Services& services, Exchange& exchange) {
  const auto found = co_await container::list_checkpoints(
      services, services.index.find(exchange.parameter("id")), exchange.query().text("dir"));
  co_await exchange.send_json(200, api::list_to_text<api::CheckpointSummary>(found) + "\n");
}

Task<> remove(Services& services, Exchange& exchange) {
  container::CheckpointName name{exchange.parameter("checkpoint"), exchange.query().text("dir")};
  co_await container::remove_checkpoint(services, services.index.find(exchange.parameter("id")),
                                        std::move(name));
  co_await exchange.send_empty(204);
}

}  // namespace

void add_checkpoint_routes(http::Router& router, Services& services) {
  using Operation = Task<> (*)(Services&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern, [&services, operation](Exchange& exchange) {
      return operation(services, exchange);
    });
  };
  add("POST", "/containers/{id}/checkpoints", create);
  add("GET", "/containers/{id}/checkpoints", list);
  add("DELETE", "/containers/{id}/checkpoints/{checkpoint}", remove);
}

}  // namespace berth::routes
