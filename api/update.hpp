// Update of a container's limits and restart policy.
#pragma once

#include "api/host_config.hpp"
#include "api/resources.hpp"

namespace berth::api {

/// Body of POST /containers/{id}/update. What is absent or 0 stays as it is.
struct UpdateRequest {
  Resources resources;
  RestartPolicy restart_policy;

  static constexpr auto fields() {
    using U = UpdateRequest;
    return std::tuple{flattened(&U::resources), field("RestartPolicy", &U::restart_policy)};
  }
  bool operator==(const UpdateRequest&) const = default;
};

struct UpdateResponse {
  StringList warnings;

  static constexpr auto fields() {
    return std::tuple{field("Warnings", &UpdateResponse::warnings, Rule::kEmptyCollection)};
  }
  bool operator==(const UpdateResponse&) const = default;
};

}  // namespace berth::api
