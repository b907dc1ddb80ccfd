// The starts that the restart policy makes.
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// In handle_exit(), under the container's lock: when the policy wants it, the state becomes
/// "restarting" and the next start is planned. Returns whether it does.
bool plan_restart(Services& services, const ContainerPtr& container,
                  const shim::ExitRecord& record);

/// Ends the waiting of a container that is "restarting"; it is "exited" then. Takes the container's
/// lock. False when there was nothing to cancel.
Task<bool> cancel_restart(Services& services, ContainerPtr container, bool by_user);

/// Once, when the daemon starts: starts what the policies say. After recovery.
void restart_with_daemon(Services& services);

}  // namespace berth::container
