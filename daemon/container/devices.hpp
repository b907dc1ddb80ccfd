// The device nodes of a container and the rules of its device controller.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/host_config.hpp"

namespace berth::container {

/// linux.devices: what HostConfig.Devices names, and for a privileged container every device of the
/// host's /dev. Throws Error{kInvalidArgument} for a path that is no device.
nlohmann::json device_nodes(const api::HostConfig& host_config);

/// linux.resources.devices: refuse all, then what every container gets, then the nodes above and
/// HostConfig.DeviceCgroupRules. A privileged container may use everything.
nlohmann::json device_rules(const api::HostConfig& host_config);

/// Throws Error{kInvalidArgument} for a rule that is not like "c 1:3 rwm".
nlohmann::json parse_device_rule(const std::string& rule);

}  // namespace berth::container
