// What the daemon hands to a container's shim.
#pragma once

#include <nlohmann/json.hpp>

#include "daemon/container/joins.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// What had to be found out for it.
struct LaunchExtras {
  std::vector<std::string> log_receivers;  // addresses, of a log driver that sends
  nlohmann::json restore;                  // unless null, the checkpoint to go on from
};

/// The OCI specification, the root file system, the log and the ports to forward, with the seccomp
/// filter and the sockets beside it. Takes the listeners out of `reservation`. Throws Error.
shim::LaunchRequest launch_request(Services& services, const Container& container,
                                   const Joins& joins, network::Reservation& reservation,
                                   LaunchExtras extras);

/// The filter for what runs in a container of that configuration; empty: none. Compiled ones are
/// kept: containers of one daemon share a few of them, and one takes milliseconds.
std::vector<std::byte> seccomp_filter(Services& services, const api::HostConfig& host_config);

}  // namespace berth::container
