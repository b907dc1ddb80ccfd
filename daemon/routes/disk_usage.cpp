#include "daemon/routes/disk_usage.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "api/disk_usage.hpp"
#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/container/list.hpp"
#include "daemon/container/prune_op.hpp"
#include "daemon/container/size.hpp"

namespace berth::routes {

namespace {

using container::Services;
using http::Exchange;

constexpr std::array<std::string_view, 4> kTypes = {"container", "image", "volume", "build-cache"};

/// Of no type named, all are meant.
std::vector<std::string> wanted_types(const http::Query& query) {
  std::vector<std::string> types = query.all("type");
  for (const std::string& type : types) {
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
      throw Error(ErrorKind::kInvalidArgument, "unknown object type: " + type);
    }
  }
  if (types.empty()) types.assign(kTypes.begin(), kTypes.end());
  return types;
}

std::vector<api::ImageSummary> images(Services& services) {
  image::ListQuery query;
  query.shared_size = true;
  auto summaries = services.images.list(query);
  std::unordered_map<std::string, std::int64_t> uses;
  for (const container::ContainerPtr& container : services.index.all())
    ++uses[container->definition.image_id];
  for (api::ImageSummary& summary : summaries) {
    const auto found = uses.find(summary.id);
    summary.containers = found == uses.end() ? 0 : found->second;
  }
  return summaries;
}

Task<std::vector<api::ContainerSummary>> containers(Services& services) {
  container::ListOptions options;
  options.all = true;
  auto summaries = container::list(services, options);
  co_await container::add_sizes(services, summaries);
  co_return summaries;
}

Task<> disk_usage(Services& services, Exchange& exchange) {
  const auto types = wanted_types(exchange.query());
  const auto wants = [&](std::string_view type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  api::DiskUsage usage;
  if (wants("image")) {
    usage.layers_size = static_cast<std::int64_t>(services.images.layers_size());
    usage.images = images(services);
  }
  if (wants("container")) usage.containers = co_await containers(services);
  if (wants("volume")) usage.volumes = co_await services.volumes.usage();
  // There is no builder.
  if (wants("build-cache")) usage.build_cache.emplace();
  co_await exchange.send_json(200, api::to_text(usage) + "\n");
}

Task<> prune_containers(Services& services, Exchange& exchange) {
  PruneFilter filter(exchange.query().filters());
  const api::ContainersPruned pruned = co_await container::prune(services, std::move(filter));
  co_await exchange.send_json(200, api::to_text(pruned) + "\n");
}

Task<> prune_images(Services& services, Exchange& exchange) {
  auto filters = exchange.query().filters();
  const api::ImagesPruned pruned = co_await services.images.prune(std::move(filters));
  co_await exchange.send_json(200, api::to_text(pruned) + "\n");
}

}  // namespace

void add_disk_usage_routes(http::Router& router, Services& services) {
  using Operation = Task<> (*)(Services&, Exchange&);
  const auto add = [&](const char* method, const char* pattern, Operation operation) {
    router.add(method, pattern, [&services, operation](Exchange& exchange) {
      return operation(services, exchange);
    });
  };
  add("GET", "/system/df", disk_usage);
  add("POST", "/containers/prune", prune_containers);
  add("POST", "/images/prune", prune_images);
}

}  // namespace berth::routes
