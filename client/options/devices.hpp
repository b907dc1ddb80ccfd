// --device, --ulimit, --blkio-weight-device, --device-read-bps and their kin, --gpus.
// Everything throws Error{kInvalidArgument}.
#pragma once

#include <string>
#include <vector>

#include "api/resources.hpp"

namespace berth::client {

/// "/dev/fuse[:/dev/other][:rwm]".
api::DeviceMapping parse_device(const std::string& text);

/// "nofile=1024[:2048]"; -1 or "unlimited" for no limit.
api::Ulimit parse_ulimit(const std::string& text);

/// "/dev/sda:200".
api::WeightDevice parse_weight_device(const std::string& text);

enum class RateUnit { kBytes, kOperations };
/// "/dev/sda:1mb", or "/dev/sda:1000" for operations.
api::ThrottleDevice parse_throttle_device(const std::string& text, RateUnit unit);

/// "all", a count, or "device=0,capabilities=..".
api::DeviceRequest parse_gpus(const std::string& text);

}  // namespace berth::client
