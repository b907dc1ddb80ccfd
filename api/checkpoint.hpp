// Checkpoints of containers. Not in the API's description: other engines call them experimental.
#pragma once

#include "api/field.hpp"

namespace berth::api {

/// Body of POST /containers/{id}/checkpoints.
struct CheckpointRequest {
  std::string checkpoint_id;
  std::string checkpoint_dir;  // of this machine; empty: the container's own
  bool exit = false;           // the container ends with it

  static constexpr auto fields() {
    using C = CheckpointRequest;
    return std::tuple{field("CheckpointID", &C::checkpoint_id),
                      field("CheckpointDir", &C::checkpoint_dir), field("Exit", &C::exit)};
  }
  bool operator==(const CheckpointRequest&) const = default;
};

/// One of GET /containers/{id}/checkpoints.
struct CheckpointSummary {
  std::string name;

  static constexpr auto fields() { return std::tuple{field("Name", &CheckpointSummary::name)}; }
  bool operator==(const CheckpointSummary&) const = default;
};

}  // namespace berth::api
