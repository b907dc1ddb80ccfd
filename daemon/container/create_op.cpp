#include "daemon/container/create_op.hpp"

#include <filesystem>

#include <sys/stat.h>

#include "common/error.hpp"
#include "daemon/async/rollback.hpp"
#include "daemon/container/apparmor.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/image_config.hpp"
#include "daemon/container/joins.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/names.hpp"
#include "daemon/container/network_mode.hpp"
#include "daemon/container/validate.hpp"
#include "daemon/container/volumes.hpp"

namespace berth::container {

namespace {

/// Fills in what the API shows of defaults.
void complete_host_config(api::HostConfig& host_config, const Settings& settings) {
  if (host_config.network_mode.empty() || host_config.network_mode == "default") {
    host_config.network_mode = "bridge";
  }
  if (host_config.restart_policy.name.empty()) host_config.restart_policy.name = "no";
  if (host_config.ipc_mode.empty()) host_config.ipc_mode = settings.ipc_mode;
  if (host_config.cgroupns_mode.empty()) host_config.cgroupns_mode = settings.cgroupns_mode;
  if (host_config.resources.memory > 0 && host_config.resources.memory_swap == 0) {
    // As other engines do: without a word about swap, as much swap as memory.
    host_config.resources.memory_swap = 2 * host_config.resources.memory;
  }
  if (host_config.shm_size == 0) host_config.shm_size = settings.shm_size;
  if (host_config.runtime.empty()) host_config.runtime = settings.default_runtime;
  host_config.log_config = complete_log_config(host_config.log_config, settings);
}

std::vector<std::string> warnings_of(const api::HostConfig& host_config) {
  std::vector<std::string> warnings;
  if (host_config.resources.oom_kill_disable.value_or(false) && host_config.resources.memory == 0) {
    warnings.emplace_back(
        "OOM killer is disabled for the container, but no memory limit is set, this can result in "
        "the system "
        "running out of resources.");
  }
  const bool publishes = !host_config.port_bindings.empty() || host_config.publish_all_ports;
  if (publishes && host_config.network_mode == "host") {
    warnings.emplace_back("Published ports are discarded when using host network mode");
  }
  return warnings;
}

void make_folder(const std::filesystem::path& folder) {
  check_errno(::mkdir(folder.c_str(), 0710), "mkdir", folder.native());
}

Task<> remove_folder(Services& services, std::filesystem::path folder) {
  auto remove = [folder = std::move(folder)] { std::filesystem::remove_all(folder); };
  co_await services.fast.run(std::move(remove));
}

Task<VolumeHolds> make(Services& services, ContainerPtr container, ChainId top,
                       Rollback& rollback) {
  const ContainerId id = container->id();
  VolumeHolds volumes = co_await make_volumes(services, container, rollback);
  const std::filesystem::path folder = services.settings.container_folder(id.str());
  auto prepare = [folder, host_config = container->definition.host_config] {
    create_bind_sources(host_config);
    make_folder(folder);
  };
  co_await services.fast.run(std::move(prepare));
  rollback.add("container folder", [&services, folder] { return remove_folder(services, folder); });

  co_await services.storage.create_writable(id, top);
  rollback.add("writable layer", [&services, id] { return services.storage.remove_writable(id); });
  co_await fill_volumes(services, container);

  co_await services.store.insert(*container);
  co_return volumes;
}

}  // namespace

Task<api::CreateResponse> create(Services& services, api::CreateRequest request, std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  if (!name.empty()) validate_name(name);
  validate(request);
  const image::ResolvedImage image = services.images.resolve(request.config.image);
  complete_from_image(request.config, image.config);
  validate_complete(request.config);
  complete_host_config(request.host_config, services.settings);
  validate_runtime(request.host_config.runtime, services.settings);
  check_log_config(request.host_config.log_config);

  Definition definition;
  definition.id = ContainerId(random_hex_id());
  definition.created = now();
  definition.config = std::move(request.config);
  definition.host_config = std::move(request.host_config);
  definition.volumes = wanted_volumes(definition.config, definition.host_config);
  definition.networking = std::move(request.networking_config);
  definition.image_id = image.id.str();
  definition.storage_driver = services.storage.name();
  if (definition.config.hostname.empty()) {
    definition.config.hostname = std::string(short_id(definition.id.str()));
  }
  apparmor_profile(definition.host_config, services.settings.apparmor);
  check_user_namespace(definition.host_config, services.settings.user_mapping);
  pin_joins(services.index, definition.host_config);
  name_networks(services.networks, definition);
  check_network(services.networks, definition);
  log_attributes(definition, name);

  if (name.empty()) {
    name =
        random_name([&](std::string_view candidate) { return services.index.is_taken(candidate); });
  }
  Index::NameReservation reservation = services.index.reserve(name, definition.id);
  auto container =
      std::make_shared<Container>(services.control, std::move(definition), std::move(name));

  VolumeHolds volumes;
  Rollback rollback;
  std::exception_ptr failure;
  try {
    volumes = co_await make(services, container, image.top, rollback);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    // The undo is not interrupted, whoever went away.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await rollback.run();
    std::rethrow_exception(failure);
  }
  rollback.release();
  reservation.keep();
  services.index.add(container);
  publish(services, *container, "create");
  api::CreateResponse response;
  response.id = container->id().str();
  response.warnings = warnings_of(container->definition.host_config);
  co_return response;
}

}  // namespace berth::container
