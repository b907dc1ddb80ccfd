// What inspect and list show of a container.
#pragma once

#include <optional>

#include "api/container.hpp"
#include "daemon/container/container.hpp"
#include "daemon/container/settings.hpp"

namespace berth::container {

api::ContainerInspect inspect(const Container& container, const Settings& settings);

api::ContainerSummary summarise(const Container& container, Timestamp at);

/// "Up 5 minutes", "Exited (0) 3 hours ago", "Created", ...
std::string status_text(const RunState& state, Timestamp at);

}  // namespace berth::container
