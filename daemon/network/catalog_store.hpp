// The networks' rows.
#pragma once

#include <vector>

#include "daemon/network/definition.hpp"
#include "daemon/state/database.hpp"

namespace berth::network {

/// Makes the table where there is none. Blocking, at start-up. Throws Error.
std::vector<Definition> load_definitions(state::Database& database);
Task<> insert_definition(state::Database& database, const Definition& definition);
Task<> delete_definition(state::Database& database, NetworkId id);

}  // namespace berth::network
