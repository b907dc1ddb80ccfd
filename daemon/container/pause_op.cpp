#include "daemon/container/pause_op.hpp"

#include "common/error.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::container {

namespace {

/// Runs `work` with the container's control group on the pool.
template <typename Work>
auto with_cgroup(Services& services, const Container& container, Work work) {
  return services.fast.run(
      [path = cgroups_path(container.definition, services.settings), work = std::move(work)] {
        runtime::Cgroup cgroup(runtime::detect_cgroups(), path);
        return work(cgroup);
      });
}

Task<> thaw(Services& services, ContainerPtr container) {
  co_await with_cgroup(services, *container, [](runtime::Cgroup& cgroup) { cgroup.thaw(); });
  container->state.to_resumed();
  co_await services.store.save_state(*container);
  publish(services, *container, "unpause");
}

void check_pausable(const Container& container) {
  const std::string& id = container.id().str();
  switch (container.state.status) {
    case Status::kRunning:
      return;
    case Status::kPaused:
      throw Error(ErrorKind::kConflict, "container " + id + " is already paused");
    case Status::kRestarting:
      throw Error(ErrorKind::kConflict,
                  "Container " + id + " is restarting, wait until the container is running");
    default:
      throw Error(ErrorKind::kConflict, "container " + id + " is not running");
  }
}

}  // namespace

Task<> pause(Services& services, ContainerPtr container) {
  const auto lock = co_await container->operations.lock();
  check_pausable(*container);
  co_await with_cgroup(services, *container, [](runtime::Cgroup& cgroup) { cgroup.freeze(); });
  container->state.to_paused();
  co_await services.store.save_state(*container);
  publish(services, *container, "pause");
}

Task<> unpause(Services& services, ContainerPtr container) {
  const auto lock = co_await container->operations.lock();
  if (container->state.status != Status::kPaused) {
    throw Error(ErrorKind::kConflict, "Container " + container->id().str() + " is not paused");
  }
  co_await thaw(services, container);
}

Task<> resume_if_paused(Services& services, ContainerPtr container) {
  if (container->state.status != Status::kPaused) co_return;
  const auto lock = co_await container->operations.lock();
  if (container->state.status == Status::kPaused) co_await thaw(services, container);
}

Task<> see_whether_paused(Services& services, ContainerPtr container) {
  const bool frozen = co_await with_cgroup(
      services, *container, [](runtime::Cgroup& cgroup) { return cgroup.is_frozen(); });
  const bool recorded = container->state.status == Status::kPaused;
  if (frozen == recorded) co_return;
  frozen ? container->state.to_paused() : container->state.to_resumed();
  co_await services.store.save_state(*container);
}

}  // namespace berth::container
