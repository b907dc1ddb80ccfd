// What is checked of a create request before anything is made.
#pragma once

#include <string>
#include <vector>

#include "api/container.hpp"
#include "daemon/container/settings.hpp"

namespace berth::container {

/// Refuses what cannot work and what Berth does not do (Error{kInvalidArgument} or
/// {kNotImplemented}, with the field's value and what would be right), so that nothing that a user
/// asked for is silently ignored.
void validate(const api::CreateRequest& request);

/// Throws Error{kInvalidArgument} for a runtime that the daemon does not know.
void validate_runtime(const std::string& name, const Settings& settings);

/// The same for what only the completed configuration shows: that there is a command to run.
void validate_complete(const api::ContainerConfig& config);

/// Throws Error{kInvalidArgument} for what may not be a container's name.
void validate_name(const std::string& name);

}  // namespace berth::container
