#include "daemon/routes/exec.hpp"

#include "api/error.hpp"
#include "api/exec.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/container/exec_op.hpp"
#include "daemon/routes/terminal_size.hpp"

namespace berth::routes {

namespace {

using container::FoundExec;
using container::Services;
using http::Exchange;

constexpr http::ApiVersion kFirstWithConsoleSize{1, 42};

template <typename Request>
Task<Request> read_request(Exchange& exchange) {
  const std::string body = co_await exchange.read_json();
  if (body.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "invalid JSON: got EOF while reading request body");
  }
  auto request = api::from_text<Request>(body);
  if (exchange.request().version < kFirstWithConsoleSize) request.console_size.reset();
  co_return request;
}

Task<> create(Services& services, Exchange& exchange) {
  const container::ContainerPtr container = services.index.find(exchange.parameter("id"));
  auto request = co_await read_request<api::ExecCreateRequest>(exchange);
  const container::ExecPtr exec = container::create_exec(services, container, std::move(request));
  co_await exchange.send_json(201, api::to_text(api::IdResponse{exec->id}) + "\n");
}

/// The session is the client's from here on, until it turns out that the client is gone.
Task<container::ExecClient> take_client(Exchange& exchange, container::ExecPtr exec, bool tty) {
  container::ExecClient client;
  client.multiplexed = !tty;
  exec->phase = container::Exec::Phase::kStarting;
  try {
    http::Hijacked hijacked = co_await exchange.hijack(client.multiplexed);
    client.stream = std::move(hijacked.socket);
    client.early_bytes = std::move(hijacked.early_bytes);
  } catch (...) {
    // Unless the container ended meanwhile.
    if (exec->phase == container::Exec::Phase::kStarting)
      exec->phase = container::Exec::Phase::kCreated;
    throw;
  }
  co_return client;
}

Task<> start(Services& services, Exchange& exchange) {
  auto request = co_await read_request<api::ExecStartRequest>(exchange);
  // A size is nothing without a terminal.
  if (!request.tty) request.console_size.reset();
  const FoundExec found = container::find_startable_exec(services, exchange.parameter("id"));
  if (request.detach) {
    container::start_exec(services, found, request.console_size, {});
    co_await container::exec_started(found.exec);
    co_await exchange.send_empty(200);
  } else {
    container::ExecClient client = co_await take_client(exchange, found.exec, request.tty);
    container::start_exec(services, found, request.console_size, std::move(client));
  }
}

Task<> resize(Services& services, Exchange& exchange) {
  const FoundExec found = services.execs.find(exchange.parameter("id"));
  const TerminalSize size = terminal_size(exchange.query());
  auto resized = container::resize_exec(found, size.rows, size.columns);
  co_await exchange.while_connected(std::move(resized));
  co_await exchange.send_empty(200);
}

Task<> inspect(Services& services, Exchange& exchange) {
  const auto shown = container::inspect_exec(services.execs.find(exchange.parameter("id")));
  co_await exchange.send_json(200, api::to_text(shown) + "\n");
}

}  // namespace

void add_exec_routes(http::Router& router, Services& services) {
  using Operation = Task<> (*)(Services&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern, [&services, operation](Exchange& exchange) {
      return operation(services, exchange);
    });
  };
  add("POST", "/containers/{id}/exec", create);
  add("POST", "/exec/{id}/start", start);
  add("POST", "/exec/{id}/resize", resize);
  add("GET", "/exec/{id}/json", inspect);
}

}  // namespace berth::routes
