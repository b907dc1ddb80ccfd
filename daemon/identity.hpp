// What a data root is known by: made once, kept for ever.
#pragma once

#include <string>

#include "daemon/network/service.hpp"
#include "daemon/state/database.hpp"

namespace berth {

struct Identity {
  std::string daemon_id;
  network::BuiltInIds networks;
};

/// Reads it, or makes it at the first start. Blocking, at start-up. Throws Error.
Identity load_identity(state::Database& database);

}  // namespace berth
