#include "daemon/volume/store.hpp"

#include <array>

#include <SQLiteCpp/SQLiteCpp.h>
#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace berth::volume {

namespace {

constexpr std::array<std::string_view, 1> kSchema = {
    "CREATE TABLE volume(name TEXT PRIMARY KEY, created TEXT NOT NULL, labels TEXT NOT NULL)"};

Record read_row(SQLite::Statement& query) {
  Record record;
  record.name = query.getColumn(0).getString();
  try {
    record.created = parse_rfc3339(query.getColumn(1).getString());
    record.labels = nlohmann::json::parse(query.getColumn(2).getString()).get<api::StringMap>();
    return record;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::kInternal,
                "cannot read the row of volume " + record.name + ": " + error.what());
  }
}

}  // namespace

Store::Store(state::Database& database) : database_(database) {
  database_.migrate("volume", kSchema);
}

std::vector<Record> Store::load() {
  const auto read = [](SQLite::Database& connection) {
    std::vector<Record> records;
    SQLite::Statement query(connection, "SELECT name, created, labels FROM volume");
    while (query.executeStep())
      records.push_back(read_row(query));
    return records;
  };
  return database_.run_now(read);
}

Task<> Store::insert(const Record& record) {
  auto work = [name = record.name, created = format_rfc3339(record.created),
               labels = nlohmann::json(record.labels).dump()](SQLite::Database& connection) {
    SQLite::Statement statement(connection,
                                "INSERT INTO volume(name, created, labels) VALUES(?, ?, ?)");
    statement.bind(1, name);
    statement.bind(2, created);
    statement.bind(3, labels);
    statement.exec();
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(work));
}

Task<> Store::remove(std::string name) {
  auto work = [name = std::move(name)](SQLite::Database& connection) {
    SQLite::Statement statement(connection, "DELETE FROM volume WHERE name = ?");
    statement.bind(1, name);
    statement.exec();
  };
  co_await database_.transaction(state::Durability::kDurable, std::move(work));
}

}  // namespace berth::volume
