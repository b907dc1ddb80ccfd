#include "daemon/identity.hpp"

#include <array>

#include <SQLiteCpp/SQLiteCpp.h>
#include <nlohmann/json.hpp>

#include "common/ids.hpp"

namespace berth {

namespace {

constexpr std::array<std::string_view, 1> kSchema = {
    "CREATE TABLE identity(daemon_id TEXT NOT NULL, networks TEXT NOT NULL)"};

/// Eight, four, four, four and twelve digits, as RFC 9562 writes a UUID of version 4.
std::string random_uuid() {
  std::string hex = random_hex(16);
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] % 4];
  for (const std::size_t at : {8U, 13U, 18U, 23U})
    hex.insert(at, "-");
  return hex;
}

}  // namespace

Identity load_identity(state::Database& database) {
  database.migrate("identity", kSchema);
  const auto work = [](SQLite::Database& connection) {
    SQLite::Statement query(connection, "SELECT daemon_id, networks FROM identity");
    if (query.executeStep()) {
      const auto networks = nlohmann::json::parse(query.getColumn(1).getString());
      return Identity{query.getColumn(0).getString(), network::built_in_ids_from_json(networks)};
    }
    Identity made{random_uuid(), network::make_built_in_ids()};
    SQLite::Statement insert(connection, "INSERT INTO identity(daemon_id, networks) VALUES(?, ?)");
    insert.bind(1, made.daemon_id);
    insert.bind(2, network::to_json(made.networks).dump());
    insert.exec();
    return made;
  };
  return database.run_now(work);
}

}  // namespace berth
