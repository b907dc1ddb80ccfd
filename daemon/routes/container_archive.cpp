// The requests about a container's files: archive, export, changes.
#include <chrono>
#include <memory>

#include <nlohmann/json.hpp>

#include "common/base64.hpp"
#include "common/error.hpp"
#include "daemon/container/archive_op.hpp"
#include "daemon/routes/containers.hpp"

namespace berth::routes {

namespace {

using container::ContainerPtr;
using container::PathStat;
using container::Services;
using http::Exchange;

constexpr const char* kTar = "application/x-tar";

/// As clients read it: JSON with these names in this order, in base64.
std::string stat_header(const PathStat& stat) {
  nlohmann::ordered_json json{{"name", stat.name},
                              {"size", stat.size},
                              {"mode", stat.mode},
                              {"mtime", format_rfc3339(stat.modified)},
                              {"linkTarget", stat.link_target}};
  return encode_base64(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

const std::string& wanted_path(const Exchange& exchange, std::string& store) {
  store = exchange.query().text("path");
  if (store.empty()) {
    throw Error(ErrorKind::kInvalidArgument,
                "bad parameter: 'path' cannot be empty: it names a file of the container's");
  }
  if (store.find('\0') != std::string::npos)
    throw Error(ErrorKind::kInvalidArgument, "bad parameter: 'path' contains a NUL byte");
  return store;
}

/// Of an exchange whose answer has begun by the time that it is called.
container::ArchiveSink sink_of(Exchange& exchange) {
  return
      [sender = std::make_shared<http::StreamSender>(exchange.sender())](std::string_view piece) {
        // A client that is gone, and a daemon that stops, end the wait.
        constexpr std::chrono::milliseconds kForever{-1};
        (void)sender->send(piece, kForever);
      };
}

Task<> stat_archive(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  std::string path;
  wanted_path(exchange, path);
  const PathStat stat = co_await container::stat_path(services, container, path);
  exchange.set_header("X-Docker-Container-Path-Stat", stat_header(stat));
  co_await exchange.send_empty(200);
}

Task<> get_archive(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  std::string path;
  wanted_path(exchange, path);
  const auto begin = [&exchange](const PathStat& stat) {
    exchange.set_header("X-Docker-Container-Path-Stat", stat_header(stat));
    return exchange.begin_stream(200, kTar);
  };
  co_await container::read_archive(services, container, path, begin, sink_of(exchange));
  co_await exchange.end_stream();
}

Task<> put_archive(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  std::string path;
  wanted_path(exchange, path);
  container::ExtractOptions options;
  options.keep_kinds = exchange.query().flag("noOverwriteDirNonDir");
  options.own = exchange.query().flag("copyUIDGID");
  const auto source = [&exchange](std::span<char> space) { return exchange.read_some(space); };
  co_await container::write_archive(services, container, path, options, source);
  co_await exchange.send_empty(200);
}

Task<> export_container(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  const auto begin = [&exchange] { return exchange.begin_stream(200, "application/octet-stream"); };
  co_await container::export_container(services, container, begin, sink_of(exchange));
  co_await exchange.end_stream();
}

Task<> changes(Services& services, Exchange& exchange) {
  const ContainerPtr container = services.index.find(exchange.parameter("id"));
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const storage::Change& change : co_await container::changes(services, container))
    list.push_back({{"Path", change.path}, {"Kind", static_cast<int>(change.kind)}});
  co_await exchange.send_json(
      200, list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

void add_container_archive_routes(http::Router& router, Services& services) {
  using Operation = Task<> (*)(Services&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern, [&services, operation](Exchange& exchange) {
      return operation(services, exchange);
    });
  };
  add("HEAD", "/containers/{id}/archive", stat_archive);
  add("GET", "/containers/{id}/archive", get_archive);
  add("PUT", "/containers/{id}/archive", put_archive);
  add("GET", "/containers/{id}/export", export_container);
  add("GET", "/containers/{id}/changes", changes);
}

}  // namespace berth::routes
