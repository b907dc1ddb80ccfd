// How much disk a container takes.
#pragma once

#include <cstdint>
#include <vector>

#include "api/container.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

struct Sizes {
  std::int64_t writable = 0;  // bytes of the files that the container made or changed
  std::int64_t root = 0;      // with those of its image
};

/// Walks the writable layer, on the bulk pool. Throws Error.
Task<Sizes> measure(Services& services, ContainerPtr container);

/// The same for each container of a list; those that vanished meanwhile stay without.
Task<> add_sizes(Services& services, std::vector<api::ContainerSummary>& summaries);

}  // namespace berth::container
