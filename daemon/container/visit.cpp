#include "daemon/container/visit.hpp"

#include <exception>
#include <filesystem>
#include <thread>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/spec.hpp"

namespace berth::container {

namespace {

using nlohmann::json;

/// Binds from this host, of what is there: the files that a first start will write may be missing
/// yet.
json binds_of(const json& mounts) {
  json binds = json::array();
  for (const json& mount : mounts) {
    if (mount.value("type", "") != "bind" || mount.contains("sourceNamespace")) continue;
    if (std::filesystem::exists(mount.value("source", ""))) binds.push_back(mount);
  }
  return binds;
}

json spec_of(const Settings& settings, const Container& container) {
  const Definition& definition = container.definition;
  return build_spec({definition,
                     settings,
                     settings.container_folder(container.id().str()),
                     definition.config.hostname,
                     {}});
}

std::string visit_document(const Services& services, const Container& container) {
  const std::string& id = container.id().str();
  json oci = spec_of(services.settings, container);
  oci["mounts"] = binds_of(oci.at("mounts"));
  return json{{"version", 1},
              {"id", id},
              {"oci", std::move(oci)},
              {"rootfs", storage::to_json(services.storage.rootfs(container.id()))}}
      .dump();
}

/// On a thread of its own, since it stays in the new mount namespace.
runtime::VisitedRoot mount_on_thread(const std::string& document, runtime::VisitMounts mounts) {
  runtime::VisitedRoot visited;
  std::exception_ptr failure;
  std::thread([&]() noexcept {
    try {
      visited = runtime::visit_stopped(runtime::parse_launch_document(document), mounts);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return visited;
}

void check_there(const Container& container) {
  if (container.removed->settled() || container.state.status == Status::kRemoving) {
    throw Error(ErrorKind::kConflict, "container " + container.id().str() + " is being removed");
  }
}

}  // namespace

std::vector<std::string> mount_places(const Settings& settings, const Container& container) {
  std::vector<std::string> places;
  const json spec = spec_of(settings, container);
  for (const json& mount : spec.at("mounts"))
    places.push_back(mount.at("destination").get<std::string>());
  return places;
}

Task<Visit> visit(Services& services, ContainerPtr container, runtime::VisitMounts mounts) {
  Visit visit;
  visit.lock = co_await container->operations.lock();
  check_there(*container);
  if (container->state.is_running()) {
    visit.lock.unlock();
    auto look = [pid = container->state.pid,
                 group = cgroups_path(container->definition, services.settings)] {
      return runtime::visit_process(pid, group);
    };
    visit.root = co_await services.fast.run(std::move(look));
  } else {
    auto mount = [document = visit_document(services, *container), mounts] {
      return mount_on_thread(document, mounts);
    };
    visit.root = co_await services.fast.run(std::move(mount));
  }
  co_return visit;
}

}  // namespace berth::container
