// GET /containers/{id}/top: the container's processes as ps(1) shows them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "api/stats.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// Runs this machine's ps with `arguments` ("-ef" when empty) and keeps the container's lines.
/// Throws Error: kConflict for a container that does not run, kInternal with what ps says of the
/// arguments, or when its output does not tell process numbers.
Task<api::TopResponse> top(Services& services, ContainerPtr container, std::string arguments);

/// Throws Error{kInternal} for arguments that give the column of process numbers to another one.
void check_ps_arguments(const std::string& arguments);

/// The lines of ps's output that are about these processes, cut at the titles. Throws
/// Error{kInternal}.
api::TopResponse parse_ps(std::string_view output, const std::vector<pid_t>& processes);

}  // namespace berth::container
