// -p, --publish and --expose.
#pragma once

#include <string>
#include <vector>

#include "api/networking.hpp"

namespace berth::client {

struct PublishedPorts {
  api::KeySet exposed;
  api::PortMap bindings;
};

/// Each value is [[address:]host port:]container port[/protocol], where the ports may be ranges;
/// or published=..,target=..[,protocol=..]. Each of `exposed` is a port or range with or without a
/// protocol. Throws Error{kInvalidArgument}.
PublishedPorts parse_ports(const std::vector<std::string>& published,
                           const std::vector<std::string>& exposed);

}  // namespace berth::client
