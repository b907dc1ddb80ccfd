// Requests whose answers last: attach and wait. For run, start and attach.
#pragma once

#include <string>

#include "api/container.hpp"
#include "client/http/client.hpp"

namespace berth::client {

struct AttachTarget {
  std::string container;
  bool input = false;
  bool output = true;
  bool error = true;
  std::string detach_keys;
};

/// Throws ApiError when the daemon does not attach.
Exchange begin_attach(Client& client, const AttachTarget& target);

/// Comes back when the daemon has begun to wait, so that no end is missed. Condition:
/// "not-running", "next-exit" or "removed". Throws ApiError.
Exchange begin_wait(Client& client, const std::string& container, const std::string& condition);

/// Throws ApiError.
api::ContainerInspect inspect_container(Client& client, const std::string& name);

}  // namespace berth::client
