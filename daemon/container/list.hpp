// GET /containers/json: which containers, in which order.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/container.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

struct ListOptions {
  bool all = false;  // also those that do not run
  int limit = 0;     // > 0: the newest so many, running or not
  std::map<std::string, std::vector<std::string>> filters;
};

/// Newest first. Throws Error{kInvalidArgument} for unknown filters and bad values of known ones.
std::vector<api::ContainerSummary> list(Services& services, const ListOptions& options);

/// How many run, are paused and are stopped.
struct Counts {
  int running = 0;
  int paused = 0;
  int stopped = 0;
};
Counts count(const Services& services);

}  // namespace berth::container
