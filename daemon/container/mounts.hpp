// The mounts of a container as the OCI specification writes them.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "daemon/container/spec.hpp"

namespace berth::container {

/// HostConfig.Binds, one entry: "source:destination[:options]".
struct Bind {
  std::string source;
  std::string destination;
  std::vector<std::string> options;  // ro, rw, rshared, ...

  /// Whether the source names a volume, not a path on the host.
  bool is_volume() const { return !source.starts_with('/'); }
};

/// Throws Error{kInvalidArgument} that names the entry: relative paths, unknown or contradicting
/// options.
Bind parse_bind(const std::string& text);

/// Refuses mounts that cannot work: relative destinations, two of them on one path, kinds that do
/// not exist, sources of type bind that are not there. Throws Error{kInvalidArgument}.
void check_mounts(const api::HostConfig& host_config);

/// /proc, /dev, /sys and so on, then hosts, hostname and resolv.conf, then the user's mounts, in
/// the order in which they must be made. What a user binds keeps its owners in a user namespace;
/// what the engine keeps for a container is mounted with the option "idmap", which translates them.
nlohmann::json oci_mounts(const SpecInput& input);

/// Makes the folders on the host that -v names and that are not there yet, as users of -v expect.
/// Blocking. Throws Error.
void create_bind_sources(const api::HostConfig& host_config);

}  // namespace berth::container
