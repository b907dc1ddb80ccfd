#include "daemon/routes/system.hpp"

#include <sys/utsname.h>

#include "api/event.hpp"
#include "api/fields.hpp"
#include "api/system.hpp"
#include "common/error.hpp"
#include "daemon/routes/architecture.hpp"
#include "daemon/routes/info.hpp"

namespace berth::routes {

namespace {

using container::Services;
using http::Exchange;

/// Touches no state: runs on the socket's own thread.
Task<> ping(Exchange& exchange) {
  exchange.set_header("Builder-Version", "1");
  exchange.set_header("Cache-Control", "no-cache, no-store, must-revalidate");
  exchange.set_header("Pragma", "no-cache");
  exchange.set_header("Swarm", "inactive");
  return exchange.send_text(200, "OK");
}

api::Version version(bool experimental) {
  utsname kernel{};
  ::uname(&kernel);
  const std::string api = http::to_string(http::kCurrentVersion);
  const std::string minimum = http::to_string(http::kMinimumVersion);
  api::Version shown;
  shown.platform.name = "Berth";
  shown.version = BERTH_VERSION;
  shown.api_version = api;
  shown.min_api_version = minimum;
  shown.git_commit = "unknown";
  shown.go_version = "none (C++20, " __VERSION__ ")";
  shown.os = "linux";
  shown.arch = std::string(kArchitecture);
  shown.kernel_version = kernel.release;
  shown.build_time = "unknown";
  api::ComponentVersion engine;
  engine.name = "Engine";
  engine.version = shown.version;
  engine.details = {{"ApiVersion", api},
                    {"Arch", shown.arch},
                    {"BuildTime", shown.build_time},
                    {"Experimental", experimental ? "true" : "false"},
                    {"GitCommit", shown.git_commit},
                    {"GoVersion", shown.go_version},
                    {"KernelVersion", shown.kernel_version},
                    {"MinAPIVersion", minimum},
                    {"Os", "linux"}};
  shown.experimental = experimental;
  shown.components.push_back(std::move(engine));
  return shown;
}

Task<> stream_events(Exchange& exchange, event::Subscription& subscription,
                     std::optional<Timestamp> until) {
  while (const auto event = co_await subscription.next(until)) {
    co_await exchange.write(api::to_text(*event) + "\n");
  }
}

Task<> events(Services& services, Exchange& exchange) {
  event::Filter filter(exchange.query().filters());
  auto since = exchange.query().time("since");
  const auto until = exchange.query().time("until");
  if (since && until && *since > *until) {
    throw Error(ErrorKind::kInvalidArgument, "`since` time (" + exchange.query().text("since") +
                                                 ") cannot be after `until` time (" +
                                                 exchange.query().text("until") + ")");
  }
  // A bound at either end asks for what is remembered; "0" is the beginning of time.
  if (!since && (until || exchange.query().has("since"))) since = Timestamp{};
  const auto subscription = services.events.subscribe(std::move(filter), since);
  co_await exchange.begin_stream(200, "application/json");
  co_await exchange.while_connected(stream_events(exchange, *subscription, until));
  co_await exchange.end_stream();
}

}  // namespace

void add_system_routes(http::Router& router, Services& services, const DaemonFacts& facts) {
  router.add("GET", "/_ping", ping, http::Runs::kInline);
  router.add("HEAD", "/_ping", ping, http::Runs::kInline);
  router.add(
      "GET", "/version",
      [experimental = router.is_experimental()](Exchange& exchange) {
        return exchange.send_json(200, api::to_text(version(experimental)) + "\n");
      },
      http::Runs::kInline);
  router.add("GET", "/info", [&services, &facts](Exchange& exchange) {
    return exchange.send_json(200, api::to_text(system_info(services, facts)) + "\n");
  });
  router.add("GET", "/events",
             [&services](Exchange& exchange) { return events(services, exchange); });
}

}  // namespace berth::routes
