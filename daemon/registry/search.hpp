// The search service that Docker Hub and some registries have: GET /v1/search?q=&n=.
//
// Runs on the executor of transfers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/registry.hpp"
#include "daemon/registry/source.hpp"

namespace berth::registry {

/// At most `limit` repositories that `term` finds; a registry's name may stand in front of it. A
/// registry without the service is asked for its catalogue. Throws Error.
Task<std::vector<api::SearchResult>> search_registry(std::shared_ptr<Source> source,
                                                     std::string term, std::size_t limit,
                                                     Credentials credentials);

}  // namespace berth::registry
