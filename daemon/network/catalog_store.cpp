// The networks' rows.
#include "daemon/network/catalog_store.hpp"

#include <array>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "common/error.hpp"

namespace berth::network {

namespace {

constexpr std::array<std::string_view, 1> kSchema = {
    "CREATE TABLE network(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT "
    "NULL)"};

std::string to_text(const Definition& definition) {
  const nlohmann::json json{{"created", format_rfc3339(definition.created)},
                            {"config", api::to_json(definition.config)},
                            {"own_subnet", definition.own_subnet},
                            {"foreign_bridge", definition.foreign_bridge}};
  return json.dump();
}

Definition read_row(SQLite::Statement& query) {
  Definition definition;
  definition.id = NetworkId(query.getColumn(0).getString());
  try {
    const auto json = nlohmann::json::parse(query.getColumn(1).getString());
    definition.created = parse_rfc3339(json.at("created").get<std::string>());
    definition.config = api::from_json<api::NetworkCreateRequest>(json.at("config"));
    definition.own_subnet = json.at("own_subnet").get<bool>();
    definition.foreign_bridge = json.at("foreign_bridge").get<bool>();
    return definition;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::kInternal, fmt::format("cannot read the row of network {}: {}",
                                                  definition.id.str(), error.what()));
  }
}

}  // namespace

std::vector<Definition> load_definitions(state::Database& database) {
  database.migrate("network", kSchema);
  const auto read = [](SQLite::Database& connection) {
    std::vector<Definition> rows;
    SQLite::Statement query(connection, "SELECT id, definition FROM network");
    while (query.executeStep())
      rows.push_back(read_row(query));
    return rows;
  };
  return database.run_now(read);
}

Task<> insert_definition(state::Database& database, const Definition& definition) {
  auto work = [id = definition.id.str(), name = definition.config.name,
               text = to_text(definition)](SQLite::Database& connection) {
    SQLite::Statement statement(connection,
                                "INSERT INTO network(id, name, definition) VALUES(?, ?, ?)");
    statement.bind(1, id);
    statement.bind(2, name);
    statement.bind(3, text);
    statement.exec();
  };
  co_await database.transaction(state::Durability::kDurable, std::move(work));
}

Task<> delete_definition(state::Database& database, NetworkId id) {
  auto work = [id = std::move(id)](SQLite::Database& connection) {
    SQLite::Statement statement(connection, "DELETE FROM network WHERE id = ?");
    statement.bind(1, id.str());
    statement.exec();
  };
  co_await database.transaction(state::Durability::kDurable, std::move(work));
}

}  // namespace berth::network
