#include "daemon/container/remove_op.hpp"

#include <filesystem>

#include "common/error.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/exec_op.hpp"
#include "daemon/container/restart_op.hpp"
#include "daemon/container/stop_op.hpp"
#include "daemon/container/volumes.hpp"

namespace berth::container {

namespace {

/// A container that ended on its own between the look and the kill is as dead as one that we
/// killed.
Task<> kill_if_running(Services& services, ContainerPtr container) {
  if (co_await cancel_restart(services, container, true)) co_return;
  if (!container->state.is_running()) co_return;
  try {
    co_await kill(services, container, "KILL");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kConflict) throw;
  }
}

Task<> erase(Services& services, ContainerPtr container) {
  const ContainerId id = container->id();
  if (container->ending_shim) co_await container->ending_shim->ended();
  // The row goes first: a folder without a row is cleared at the next start, a row without a folder
  // could not be used.
  co_await services.store.remove(id);
  co_await services.storage.remove_writable(id);
  remove_folder_later(services, id.str());
}

}  // namespace

void remove_folder_later(Services& services, const std::string& id) {
  services.tasks.spawn("removing the folder of " + id, [&services, id]() -> Task<> {
    return services.bulk.run([folder = services.settings.container_folder(id)] {
      std::error_code error;
      std::filesystem::remove_all(folder, error);
      if (error && error != std::errc::no_such_file_or_directory)
        throw_errno("remove", folder.native(), error.value());
    });
  });
}

Task<> remove(Services& services, ContainerPtr container, bool force, AnonymousVolumes volumes) {
  if (container->state.status == Status::kRemoving) {
    throw Error(ErrorKind::kConflict,
                "removal of container " + container->name + " is already in progress");
  }
  if (force) co_await kill_if_running(services, container);
  const auto lock = co_await container->operations.lock();
  if (container->removed->settled()) {
    throw Error(ErrorKind::kNotFound, "No such container: " + container->id().str());
  }
  if (container->state.status == Status::kPaused) {
    throw Error(ErrorKind::kConflict, "cannot remove container \"/" + container->name +
                                          "\": container is paused and must be unpaused first");
  }
  if (container->state.is_active()) {
    throw Error(ErrorKind::kConflict, "cannot remove container \"/" + container->name +
                                          "\": container is " +
                                          std::string(to_string(container->state.status)) +
                                          ": stop the container before removing or force remove");
  }
  const Status before = container->state.status;
  container->state.status = Status::kRemoving;
  std::exception_ptr failure;
  try {
    co_await erase(services, container);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    // Removing again goes on where this attempt ended: every step takes "already gone" for success.
    container->state.status = before;
    std::rethrow_exception(failure);
  }
  services.index.remove(*container);
  if (volumes == AnonymousVolumes::kRemove) co_await remove_anonymous_volumes(services, container);
  forget_execs(services, *container);
  container->waiting_attachments.clear();
  publish(services, *container, "destroy");
  const ExitResult result{container->state.exit_code, ""};
  container->removed->settle(result);
  container->next_exit->settle(result);
}

}  // namespace berth::container
