#include "daemon/routes/networks.hpp"

#include "api/fields.hpp"
#include "api/network.hpp"
#include "common/error.hpp"
#include "common/prune_filter.hpp"

namespace berth::routes {

namespace {

using container::Services;
using http::Exchange;

template <typename T>
Task<T> read_body(Exchange& exchange) {
  const std::string body = co_await exchange.read_json();
  if (body.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "invalid JSON: got EOF while reading request body");
  }
  co_return api::from_text<T>(body);
}

Task<> create(Services& services, Exchange& exchange) {
  auto request = co_await read_body<api::NetworkCreateRequest>(exchange);
  const api::NetworkCreateResponse response = co_await services.networks.create(std::move(request));
  co_await exchange.send_json(201, api::to_text(response) + "\n");
}

Task<> list(Services& services, Exchange& exchange) {
  const auto networks = services.networks.list(exchange.query().filters());
  co_await exchange.send_json(200, api::list_to_text(networks) + "\n");
}

Task<> inspect(Services& services, Exchange& exchange) {
  const std::string scope = exchange.query().text("scope");
  const std::string& name = exchange.parameter("id");
  if (!scope.empty() && scope != "local")
    throw Error(ErrorKind::kNotFound, "network " + name + " not found");
  const api::Network network = services.networks.inspect(name);
  co_await exchange.send_json(200, api::to_text(network) + "\n");
}

Task<> remove(Services& services, Exchange& exchange) {
  co_await services.networks.remove(exchange.parameter("id"));
  co_await exchange.send_empty(204);
}

Task<> prune(Services& services, Exchange& exchange) {
  PruneFilter filter(exchange.query().filters());
  const api::NetworksPruned pruned = co_await services.networks.prune(std::move(filter));
  co_await exchange.send_json(200, api::to_text(pruned) + "\n");
}

}  // namespace

void add_network_routes(http::Router& router, Services& services) {
  using Operation = Task<> (*)(Services&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern, [&services, operation](Exchange& exchange) {
      return operation(services, exchange);
    });
  };
  add("GET", "/networks", list);
  add("POST", "/networks/create", create);
  add("POST", "/networks/prune", prune);
  add("GET", "/networks/{id}", inspect);
  add("DELETE", "/networks/{id}", remove);
}

}  // namespace berth::routes
