#include "daemon/container/store.hpp"

#include <array>

#include <SQLiteCpp/SQLiteCpp.h>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "common/error.hpp"

namespace berth::container {

namespace {

constexpr std::array<std::string_view, 1> kSchema = {
    "CREATE TABLE container(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT "
    "NULL,"
    " state TEXT NOT NULL)"};

nlohmann::json to_json(const std::vector<VolumeMount>& volumes) {
  nlohmann::json rows = nlohmann::json::array();
  for (const VolumeMount& mount : volumes) {
    rows.push_back({{"name", mount.name},
                    {"source", mount.source},
                    {"destination", mount.destination},
                    {"read_only", mount.read_only},
                    {"mode", mount.mode}});
  }
  return rows;
}

/// Containers of before there were volumes have no word of them.
std::vector<VolumeMount> volumes_from_json(const nlohmann::json& definition) {
  std::vector<VolumeMount> volumes;
  const auto rows = definition.find("volumes");
  if (rows == definition.end()) return volumes;
  for (const nlohmann::json& row : *rows) {
    volumes.push_back({row.at("name").get<std::string>(), row.at("source").get<std::string>(),
                       row.at("destination").get<std::string>(), row.at("read_only").get<bool>(),
                       row.at("mode").get<std::string>()});
  }
  return volumes;
}

nlohmann::json to_json(const Definition& definition) {
  return {{"volumes", to_json(definition.volumes)},
          {"created", format_rfc3339(definition.created)},
          {"config", api::to_json(definition.config)},
          {"host_config", api::to_json(definition.host_config)},
          {"networking", api::to_json(definition.networking)},
          {"image_id", definition.image_id},
          {"storage_driver", definition.storage_driver},
          {"platform", definition.platform}};
}

Definition definition_from_json(const std::string& id, const nlohmann::json& json) {
  Definition definition;
  definition.id = ContainerId(id);
  definition.created = parse_rfc3339(json.at("created").get<std::string>());
  definition.config = api::from_json<api::ContainerConfig>(json.at("config"));
  definition.host_config = api::from_json<api::HostConfig>(json.at("host_config"));
  definition.networking = api::from_json<api::NetworkingConfig>(json.at("networking"));
  definition.volumes = volumes_from_json(json);
  definition.image_id = json.at("image_id").get<std::string>();
  definition.storage_driver = json.at("storage_driver").get<std::string>();
  definition.platform = json.at("platform").get<std::string>();
  return definition;
}

std::string state_text(const Container& container) {
  nlohmann::json json{{"run", to_json(container.state)}};
  for (const network::Endpoint& endpoint : container.endpoints)
    json["endpoints"].push_back(network::to_json(endpoint));
  return json.dump();
}

Store::Row read_row(SQLite::Statement& query) {
  const std::string id = query.getColumn(0).getString();
  try {
    Store::Row row;
    row.name = query.getColumn(1).getString();
    row.definition =
        definition_from_json(id, nlohmann::json::parse(query.getColumn(2).getString()));
    const auto state = nlohmann::json::parse(query.getColumn(3).getString());
    row.state = run_state_from_json(state.at("run"));
    if (const auto endpoints = state.find("endpoints"); endpoints != state.end()) {
      for (const auto& endpoint : *endpoints)
        row.endpoints.push_back(network::endpoint_from_json(endpoint));
    }
    return row;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::kInternal,
                "cannot read the row of container " + id + ": " + error.what());
  }
}

}  // namespace

Store::Store(state::Database& database) : database_(database) {
  database_.migrate("container", kSchema);
}

std::vector<Store::Row> Store::load() {
  const auto read = [](SQLite::Database& connection) {
    std::vector<Row> rows;
    SQLite::Statement query(connection, "SELECT id, name, definition, state FROM container");
    while (query.executeStep())
      rows.push_back(read_row(query));
    return rows;
  };
  return database_.run_now(read);
}

Task<> Store::insert(const Container& container) {
  auto work = [id = container.id().str(), name = container.name,
               definition = to_json(container.definition).dump(),
               state = state_text(container)](SQLite::Database& connection) {
    SQLite::Statement statement(
        connection, "INSERT INTO container(id, name, definition, state) VALUES(?, ?, ?, ?)");
    statement.bind(1, id);
    statement.bind(2, name);
    statement.bind(3, definition);
    statement.bind(4, state);
    statement.exec();
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(work));
}

Task<> Store::remove(ContainerId id) {
  auto work = [id = std::move(id)](SQLite::Database& connection) {
    SQLite::Statement statement(connection, "DELETE FROM container WHERE id = ?");
    statement.bind(1, id.str());
    statement.exec();
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(work));
}

Task<> Store::save_name(ContainerId id, std::string name) {
  auto work = [id = std::move(id), name = std::move(name)](SQLite::Database& connection) {
    SQLite::Statement statement(connection, "UPDATE container SET name = ? WHERE id = ?");
    statement.bind(1, name);
    statement.bind(2, id.str());
    statement.exec();
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(work));
}

Task<> Store::save_definition(const Definition& definition) {
  auto work = [id = definition.id.str(),
               text = to_json(definition).dump()](SQLite::Database& connection) {
    SQLite::Statement statement(connection, "UPDATE container SET definition = ? WHERE id = ?");
    statement.bind(1, text);
    statement.bind(2, id);
    statement.exec();
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(work));
}

Task<> Store::save_state(const Container& container) {
  auto work = [id = container.id().str(),
               state = state_text(container)](SQLite::Database& connection) {
    SQLite::Statement statement(connection, "UPDATE container SET state = ? WHERE id = ?");
    statement.bind(1, state);
    statement.bind(2, id);
    statement.exec();
  };
  co_await database_.transaction(state::Durability::kVisible, std::move(work));
}

}  // namespace berth::container
