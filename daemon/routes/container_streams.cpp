// The requests about containers whose answers go on: wait, attach, logs.
#include <chrono>
#include <optional>

#include "api/container.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/container/attach_op.hpp"
#include "daemon/container/logs_op.hpp"
#include "daemon/routes/containers.hpp"

namespace berth::routes {

namespace {

using container::Container;
using container::ContainerPtr;
using container::Outcome;
using container::Services;
using http::Exchange;

/// What ends the wait: nothing for a container whose end came already.
std::shared_ptr<Outcome> outcome_of(Services& services, const Container& container,
                                    const std::string& condition) {
  if (condition == "next-exit") return container.next_exit;
  if (condition == "removed") return container.removed;
  if (!condition.empty() && condition != "not-running") {
    throw Error(ErrorKind::kInvalidArgument, "invalid condition: \"" + condition +
                                                 "\": must be not-running, next-exit or removed");
  }
  if (container.state.is_active()) return container.next_exit;
  auto past = std::make_shared<Outcome>(services.control);
  past->settle({container.state.exit_code, ""});
  return past;
}

Task<> wait(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  const auto outcome = outcome_of(services, *container, exchange.query().text("condition"));
  // The head goes out at once: it tells the client that the wait is armed, and that a container
  // started from now on cannot end unseen.
  co_await exchange.begin_stream(200, "application/json");
  co_await exchange.while_connected(outcome->wait());
  api::WaitResponse response;
  response.status_code = outcome->result().code;
  if (!outcome->result().error.empty())
    response.error = api::WaitExitError{outcome->result().error};
  co_await exchange.write(api::to_text(response) + "\n");
  co_await exchange.end_stream();
}

shim::AttachRequest attach_request(const Exchange& exchange, const Container& container) {
  shim::AttachRequest request;
  const auto& query = exchange.query();
  request.standard_input = query.flag("stdin") && container.definition.config.open_stdin;
  request.standard_output = query.flag("stdout");
  request.standard_error = query.flag("stderr");
  request.multiplexed = !container.has_terminal();
  request.detach_keys = container::parse_detach_keys(query.text("detachKeys"));
  return request;
}

/// Writes what the container wrote so far to the attached stream. Blocking.
void write_past_output(const container::KeptLog& log, const logs::ReadOptions& options,
                       const Fd& stream) {
  constexpr std::size_t kPiece = std::size_t{128} * 1024;
  set_nonblocking(stream.get(), false);
  logs::Reader reader(log.file, log.format, options);
  bool more = true;
  while (more) {
    std::string piece;
    more = reader.read(piece, kPiece);
    write_all(stream.get(), piece, "attached stream");
  }
  set_nonblocking(stream.get(), true);
}

Task<> send_past_output(Services& services, container::KeptLog log,
                        const shim::AttachRequest& request, const Fd& stream) {
  logs::ReadOptions options;
  options.stdout_stream = request.standard_output;
  options.stderr_stream = request.standard_error;
  options.appearance.multiplexed = request.multiplexed;
  auto work = [&log, options, &stream] { write_past_output(log, options, stream); };
  co_await services.bulk.run(std::move(work));
}

enum class Transport { kRaw, kWebSocket };

Task<> attach_by(Services& services, Exchange& exchange, Transport transport) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  container::check_attachable(*container);
  shim::AttachRequest request = attach_request(exchange, *container);
  // A WebSocket gets the bytes of both streams as they are, as dockerd does it.
  if (transport == Transport::kWebSocket) request.multiplexed = false;
  std::optional<container::KeptLog> past;
  if (exchange.query().flag("logs")) past = container::kept_log(services.settings, *container);
  http::Hijacked client = transport == Transport::kWebSocket
                              ? co_await exchange.hijack_websocket()
                              : co_await exchange.hijack(request.multiplexed);
  request.early_bytes = std::move(client.early_bytes);
  if (past) co_await send_past_output(services, *past, request, client.socket);
  if (exchange.query().flag("stream")) {
    container::attach(services, *container, std::move(request), std::move(client.socket));
  }
}

Task<> attach(Services& services, Exchange& exchange) {
  return attach_by(services, exchange, Transport::kRaw);
}

Task<> attach_websocket(Services& services, Exchange& exchange) {
  return attach_by(services, exchange, Transport::kWebSocket);
}

logs::ReadOptions log_options(const Exchange& exchange) {
  const auto& query = exchange.query();
  logs::ReadOptions options;
  options.stdout_stream = query.flag("stdout");
  options.stderr_stream = query.flag("stderr");
  if (!options.stdout_stream && !options.stderr_stream) {
    throw Error(ErrorKind::kInvalidArgument, "Bad parameters: you must choose at least one stream");
  }
  options.appearance.timestamps = query.flag("timestamps");
  options.appearance.details = query.flag("details");
  options.since = query.time("since");
  options.until = query.time("until");
  // As dockerd does it: what is no number, "all" among it, means everything.
  const auto lines = parse_number<std::int64_t>(query.text("tail"));
  if (lines && *lines >= 0) options.tail = static_cast<std::size_t>(*lines);
  return options;
}

class StreamClient final : public container::LogClient {
 public:
  explicit StreamClient(Exchange& exchange) : exchange_(exchange), sender_(exchange.sender()) {}

  bool send(std::string_view piece) override {
    constexpr std::chrono::milliseconds kPatience{50};
    return sender_.send(piece, kPatience);
  }
  Task<> drain() override { return exchange_.send_rest(sender_); }

 private:
  Exchange& exchange_;
  http::StreamSender sender_;
};

Task<> logs(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  const logs::ReadOptions options = log_options(exchange);
  (void)container::kept_log(services.settings, *container);
  const bool multiplexed = !container->has_terminal();
  const bool new_type = exchange.request().version >= http::ApiVersion{1, 42};
  co_await exchange.begin_stream(200, multiplexed && new_type
                                          ? "application/vnd.docker.multiplexed-stream"
                                          : "application/vnd.docker.raw-stream");
  StreamClient client(exchange);
  auto read =
      container::read_logs(services, container, options, exchange.query().flag("follow"), client);
  co_await exchange.while_connected(std::move(read));
  co_await exchange.end_stream();
}

}  // namespace

void add_container_stream_routes(http::Router& router, Services& services) {
  router.add("POST", "/containers/{id}/wait",
             [&services](Exchange& exchange) { return wait(services, exchange); });
  router.add("POST", "/containers/{id}/attach",
             [&services](Exchange& exchange) { return attach(services, exchange); });
  router.add("GET", "/containers/{id}/attach/ws",
             [&services](Exchange& exchange) { return attach_websocket(services, exchange); });
  router.add("GET", "/containers/{id}/logs",
             [&services](Exchange& exchange) { return logs(services, exchange); });
}

}  // namespace berth::routes
