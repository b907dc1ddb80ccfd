// Namespaces of another container that one shares: NetworkMode, PidMode and IpcMode of the form
// container:<name or id>.
#pragma once

#include <string_view>

#include "daemon/container/services.hpp"

namespace berth::container {

/// The containers whose namespaces a start joins; null for none.
struct Joins {
  ContainerPtr network;
  ContainerPtr pid;
  ContainerPtr ipc;
  ContainerPtr user;  // one of them, when this container is in its user namespace, too
};

/// The name or id in "container:<name or id>"; empty for any other mode.
std::string_view joined_name(std::string_view mode);

/// At create: names become ids, which still mean the same container after a rename. One that is
/// not there may be made until the start, and a client that is told "not found" at create would
/// pull the image.
void pin_joins(const Index& index, api::HostConfig& host_config);

/// At start: each must be there (Error{kNotFound}) and run (Error{kConflict}), and the one whose
/// IPC is joined must share it.
Joins joined_containers(const Services& services, const Container& container);

}  // namespace berth::container
