#include "daemon/routes/volumes.hpp"

#include "api/fields.hpp"
#include "common/error.hpp"

namespace berth::routes {

namespace {

using http::Exchange;
using volume::VolumeService;

Task<> create(VolumeService& volumes, Exchange& exchange) {
  const std::string body = co_await exchange.read_json();
  if (body.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "invalid JSON: got EOF while reading request body");
  }
  const auto created = co_await volumes.create(api::from_text<api::VolumeCreate>(body));
  co_await exchange.send_json(201, api::to_text(volumes.inspect(*created.hold)) + "\n");
}

Task<> list(VolumeService& volumes, Exchange& exchange) {
  const api::VolumeList shown = volumes.list(exchange.query().filters());
  co_await exchange.send_json(200, api::to_text(shown) + "\n");
}

Task<> inspect(VolumeService& volumes, Exchange& exchange) {
  const api::Volume shown = volumes.inspect(exchange.parameter("name"));
  co_await exchange.send_json(200, api::to_text(shown) + "\n");
}

Task<> refuse_update(VolumeService& volumes, Exchange& exchange) {
  volumes.inspect(exchange.parameter("name"));
  throw Error(ErrorKind::kUnavailable,
              "this node is not a swarm manager: only cluster volumes can be updated");
  co_return;
}

Task<> remove(VolumeService& volumes, Exchange& exchange) {
  co_await volumes.remove(exchange.parameter("name"), exchange.query().flag("force"));
  co_await exchange.send_empty(204);
}

Task<> prune(VolumeService& volumes, Exchange& exchange) {
  auto filters = exchange.query().filters();
  // Before API 1.42 a prune was of all volumes.
  if (exchange.request().version < http::ApiVersion{1, 42} && !filters.contains("all"))
    filters["all"] = {"true"};
  const api::VolumesPruned pruned = co_await volumes.prune(std::move(filters));
  co_await exchange.send_json(200, api::to_text(pruned) + "\n");
}

}  // namespace

void add_volume_routes(http::Router& router, VolumeService& volumes) {
  using Operation = Task<> (*)(VolumeService&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern,
               [&volumes, operation](Exchange& exchange) { return operation(volumes, exchange); });
  };
  add("GET", "/volumes", list);
  add("POST", "/volumes/create", create);
  add("POST", "/volumes/prune", prune);
  add("GET", "/volumes/{name}", inspect);
  add("PUT", "/volumes/{name}", refuse_update);
  add("DELETE", "/volumes/{name}", remove);
}

}  // namespace berth::routes
