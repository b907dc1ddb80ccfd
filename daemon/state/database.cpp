#include "daemon/state/database.hpp"

#include <string>

#include <SQLiteCpp/SQLiteCpp.h>

#include "common/error.hpp"

namespace berth::state {

namespace {

std::unique_ptr<SQLite::Database> open(const std::filesystem::path& path) {
  try {
    auto connection = std::make_unique<SQLite::Database>(
        path.native(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX);
    // Another berthd cannot hold the file (the data root is locked), a person with sqlite3 may, for
    // a moment.
    connection->setBusyTimeout(5000);
    connection->exec("PRAGMA journal_mode=WAL");
    connection->exec("PRAGMA foreign_keys=ON");
    // The default page cache of 2 MB is a fifth of what the whole daemon should use.
    connection->exec("PRAGMA cache_size=-256");
    connection->exec(
        "CREATE TABLE IF NOT EXISTS schema(noun TEXT PRIMARY KEY, version INTEGER NOT NULL)");
    return connection;
  } catch (const SQLite::Exception& error) {
    throw Error(ErrorKind::kInternal,
                "cannot open the database \"" + path.native() + "\": " + error.what());
  }
}

int schema_version(SQLite::Database& database, std::string_view noun) {
  SQLite::Statement query(database, "SELECT version FROM schema WHERE noun = ?");
  query.bind(1, std::string(noun));
  return query.executeStep() ? query.getColumn(0).getInt() : 0;
}

}  // namespace

Database::Database(const std::filesystem::path& path) : connection_(open(path)) {}

Database::~Database() {
  thread_.join();
}

void Database::migrate(std::string_view noun, std::span<const std::string_view> steps) {
  const auto bring_up = [&](SQLite::Database& database) {
    const auto version = static_cast<std::size_t>(schema_version(database, noun));
    if (version > steps.size()) {
      throw Error(ErrorKind::kInternal, "the database's tables of \"" + std::string(noun) +
                                            "\" are of version " + std::to_string(version) +
                                            "; this berthd knows " + std::to_string(steps.size()) +
                                            ": use the newer berthd");
    }
    if (version == steps.size()) return;
    for (const std::string_view step : steps.subspan(version))
      database.exec(std::string(step));
    SQLite::Statement record(database, "INSERT OR REPLACE INTO schema(noun, version) VALUES(?, ?)");
    record.bind(1, std::string(noun));
    record.bind(2, static_cast<int>(steps.size()));
    record.exec();
  };
  run_now(bring_up);
}

void Database::execute(Durability durability, const std::function<void(SQLite::Database&)>& work) {
  try {
    // In WAL mode NORMAL does not sync at commit, FULL does
    // (sqlite.org/pragma.html#pragma_synchronous).
    if (durability_ != durability) {
      connection_->exec(durability == Durability::kDurable ? "PRAGMA synchronous=FULL"
                                                           : "PRAGMA synchronous=NORMAL");
      durability_ = durability;
    }
    SQLite::Transaction transaction(*connection_, SQLite::TransactionBehavior::IMMEDIATE);
    work(*connection_);
    transaction.commit();
  } catch (const SQLite::Exception& error) {
    throw Error(ErrorKind::kInternal, std::string("database: ") + error.what());
  }
}

}  // namespace berth::state
