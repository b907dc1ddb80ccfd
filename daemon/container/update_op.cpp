#include "daemon/container/update_op.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/resources.hpp"
#include "daemon/container/restart_op.hpp"
#include "daemon/container/restart_policy.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::container {

namespace {

using api::Resources;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

/// The limits that a running container can be given, each with its name.
template <typename Visit>
void for_each_limit(Visit visit) {
  visit(&Resources::cpu_shares);
  visit(&Resources::memory);
  visit(&Resources::nano_cpus);
  visit(&Resources::blkio_weight);
  visit(&Resources::cpu_period);
  visit(&Resources::cpu_quota);
  visit(&Resources::cpu_realtime_period);
  visit(&Resources::cpu_realtime_runtime);
  visit(&Resources::cpuset_cpus);
  visit(&Resources::cpuset_mems);
  visit(&Resources::memory_reservation);
  visit(&Resources::memory_swap);
  visit(&Resources::pids_limit);
  visit(&Resources::blkio_weight_device);
  visit(&Resources::blkio_device_read_bps);
  visit(&Resources::blkio_device_write_bps);
  visit(&Resources::blkio_device_read_iops);
  visit(&Resources::blkio_device_write_iops);
}

/// Limits that are fixed when a container is created.
void check_changeable(const Resources& present, const Resources& change) {
  const auto refuse_field = [](const char* name) {
    refuse(std::string(name) + " cannot be updated: create a new container with it");
  };
  if (!change.cgroup_parent.empty() && change.cgroup_parent != present.cgroup_parent)
    refuse_field("CgroupParent");
  if (!change.devices.empty() && change.devices != present.devices) refuse_field("Devices");
  if (!change.device_cgroup_rules.empty() &&
      change.device_cgroup_rules != present.device_cgroup_rules)
    refuse_field("DeviceCgroupRules");
  if (!change.device_requests.empty()) refuse_field("DeviceRequests");
  if (!change.ulimits.empty() && change.ulimits != present.ulimits) refuse_field("Ulimits");
  if (change.oom_kill_disable && change.oom_kill_disable != present.oom_kill_disable)
    refuse_field("OomKillDisable");
  if (change.memory_swappiness && change.memory_swappiness != present.memory_swappiness)
    refuse_field("MemorySwappiness");
}

void check_conflicts(const Resources& present, const Resources& change) {
  if (change.nano_cpus > 0 && present.cpu_period > 0) {
    refuse("Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set");
  }
  if (change.nano_cpus > 0 && present.cpu_quota > 0) {
    refuse("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set");
  }
  if (change.cpu_period > 0 && present.nano_cpus > 0) {
    refuse("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
  }
  if (change.cpu_quota > 0 && present.nano_cpus > 0) {
    refuse("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  }
  if (change.memory > 0 && change.memory_swap == 0 && present.memory_swap > 0 &&
      change.memory > present.memory_swap) {
    refuse(
        "Memory limit should be smaller than already set memoryswap limit, update the memoryswap "
        "at the same time");
  }
}

Task<std::vector<std::string>> apply(Services& services, const Container& container,
                                     const Resources& resources) {
  auto work = [path = cgroups_path(container.definition, services.settings),
               text = oci_resources(resources).dump()] {
    runtime::Cgroup cgroup(runtime::detect_cgroups(), path);
    return cgroup.update(runtime::parse_resources(text));
  };
  co_return co_await services.fast.run(std::move(work));
}

/// When the kernel refuses one of several limits, the others are put back.
Task<std::vector<std::string>> apply_or_restore(Services& services, const Container& container,
                                                const Resources& fresh, const Resources& old) {
  std::exception_ptr failure;
  std::vector<std::string> warnings;
  try {
    warnings = co_await apply(services, container, fresh);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return warnings;
  try {
    (void)co_await apply(services, container, old);
  } catch (const std::exception& error) {
    log::warn("container {}: cannot put its limits back: {}", container.name, error.what());
  }
  std::rethrow_exception(failure);
}

void check_policy(const Container& container, const api::RestartPolicy& policy) {
  check_restart_policy(policy);
  if (container.definition.host_config.auto_remove && has_restart_policy(policy)) {
    refuse("Restart policy cannot be updated because AutoRemove is enabled for the container");
  }
}

}  // namespace

Resources touched_by(const Resources& resources, const Resources& change) {
  Resources touched;
  for_each_limit([&](auto limit) {
    static const Resources kNone;
    if (change.*limit != kNone.*limit) touched.*limit = resources.*limit;
  });
  // The kernel takes memory and swap as one: the sum must never be the smaller.
  if (touched.memory != 0 || touched.memory_swap != 0) {
    touched.memory = resources.memory;
    touched.memory_swap = resources.memory_swap;
  }
  return touched;
}

Resources merge_resources(const Resources& present, const Resources& change) {
  check_changeable(present, change);
  check_conflicts(present, change);
  Resources merged = present;
  for_each_limit([&](auto limit) {
    static const Resources kNone;
    if (change.*limit != kNone.*limit) merged.*limit = change.*limit;
  });
  if (merged.memory > 0 && merged.memory_swap == 0) merged.memory_swap = 2 * merged.memory;
  return merged;
}

Task<api::UpdateResponse> update(Services& services, ContainerPtr container,
                                 api::UpdateRequest request) {
  const bool new_policy = !request.restart_policy.name.empty();
  if (new_policy) check_policy(*container, request.restart_policy);
  api::UpdateResponse response;
  {
    const auto lock = co_await container->operations.lock();
    if (container->removed->settled()) {
      throw Error(ErrorKind::kNotFound, "No such container: " + container->id().str());
    }
    const Resources present = container->definition.host_config.resources;
    const Resources merged = merge_resources(present, request.resources);
    check_resources(merged, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
    if (container->state.is_running()) {
      response.warnings =
          co_await apply_or_restore(services, *container, touched_by(merged, request.resources),
                                    touched_by(present, request.resources));
    }
    Definition changed = container->definition;
    changed.host_config.resources = merged;
    if (new_policy) changed.host_config.restart_policy = request.restart_policy;
    co_await services.store.save_definition(changed);
    container->definition = std::move(changed);
    publish(services, *container, "update");
  }
  if (!has_restart_policy(container->definition.host_config.restart_policy)) {
    (void)co_await cancel_restart(services, container, false);
  }
  co_return response;
}

}  // namespace berth::container
