#include "daemon/routes/stats.hpp"

#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/container/top_op.hpp"

namespace berth::routes {

namespace {

using container::ContainerPtr;
using container::Services;
using http::Exchange;

std::string line_of(const api::ContainerStats& sample) {
  return api::to_text(sample) + "\n";
}

Task<> stream_samples(Exchange& exchange, stats::Watch& watch) {
  while (const auto sample = co_await watch.next()) {
    co_await exchange.write(line_of(*sample));
  }
}

/// The second of two samples: only that one tells how much was used between them.
Task<> second_sample(stats::Watch& watch, std::optional<api::ContainerStats>& sample) {
  sample = co_await watch.next();
  if (sample) sample = co_await watch.next();
}

Task<> answer_once(Exchange& exchange, stats::Collector& collector, ContainerPtr container,
                   bool one_shot) {
  std::optional<api::ContainerStats> sample;
  if (one_shot || !container->state.is_running()) {
    sample = co_await collector.sample(container);
  } else {
    const auto watch = collector.watch(container);
    co_await exchange.while_connected(second_sample(*watch, sample));
  }
  if (!sample) {
    throw Error(ErrorKind::kNotFound, "No such container: " + container->id().str());
  }
  co_await exchange.send_json(200, line_of(*sample));
}

Task<> stats(Services& services, stats::Collector& collector, Exchange& exchange) {
  const bool stream = exchange.query().flag("stream", true);
  const bool one_shot = exchange.query().flag("one-shot");
  if (stream && one_shot) {
    throw Error(ErrorKind::kInvalidArgument, "cannot have stream=true and one-shot=true");
  }
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  if (!stream) co_return co_await answer_once(exchange, collector, container, one_shot);
  const auto watch = collector.watch(container);
  co_await exchange.begin_stream(200, "application/json");
  co_await exchange.while_connected(stream_samples(exchange, *watch));
  co_await exchange.end_stream();
}

Task<> top(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  const api::TopResponse processes =
      co_await container::top(services, container, exchange.query().text("ps_args"));
  co_await exchange.send_json(200, api::to_text(processes) + "\n");
}

}  // namespace

void add_stats_routes(http::Router& router, Services& services, stats::Collector& collector) {
  router.add("GET", "/containers/{id}/stats", [&services, &collector](Exchange& exchange) {
    return stats(services, collector, exchange);
  });
  router.add("GET", "/containers/{id}/top",
             [&services](Exchange& exchange) { return top(services, exchange); });
}

}  // namespace berth::routes
