// GET /containers/{id}/logs
#pragma once

#include <functional>
#include <string>

#include "daemon/container/services.hpp"
#include "daemon/log/reader.hpp"

namespace berth::container {

/// Throws Error{kNotImplemented} for a log driver whose logs cannot be read.
void check_readable_logs(const Container& container);

/// Gives what `options` choose to `sink`, piece by piece; with `follow` until the container stops.
Task<> read_logs(Services& services, ContainerPtr container, logs::ReadOptions options, bool follow,
                 std::function<Task<>(std::string)> sink);

}  // namespace berth::container
