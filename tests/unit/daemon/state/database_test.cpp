#include "daemon/state/database.hpp"

#include <array>
#include <filesystem>

#include <SQLiteCpp/SQLiteCpp.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <stdlib.h>

#include "common/error.hpp"

using namespace berth;
using state::Database;
using state::Durability;

namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-test-XXXXXX").native();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

constexpr std::array<std::string_view, 2> kSteps = {
    "CREATE TABLE fruit(name TEXT PRIMARY KEY)",
    "ALTER TABLE fruit ADD COLUMN colour TEXT",
};

int count_fruit(Database& database) {
  const auto count = [](SQLite::Database& connection) {
    return connection.execAndGet("SELECT count(*) FROM fruit").getInt();
  };
  return database.run_now(count);
}

}  // namespace

TEST_CASE("tables are brought up to date step by step", "[state]") {
  const TemporaryFolder folder;
  {
    Database database(folder.path() / "berth.db");
    database.migrate("fruit", std::span(kSteps).first(1));
  }
  Database database(folder.path() / "berth.db");
  database.migrate("fruit", kSteps);
  const auto insert = [](SQLite::Database& connection) {
    connection.exec("INSERT INTO fruit VALUES('apple', 'red')");
  };
  database.run_now(insert);
  CHECK(count_fruit(database) == 1);
  CHECK_THROWS_WITH(database.migrate("fruit", std::span(kSteps).first(1)),
                    Catch::Contains("version 2") && Catch::Contains("knows 1"));
}

TEST_CASE("a transaction that throws leaves nothing", "[state]") {
  const TemporaryFolder folder;
  Database database(folder.path() / "berth.db");
  database.migrate("fruit", kSteps);
  asio::io_context context(1);
  const auto body = [&]() -> Task<> {
    auto failing = [](SQLite::Database& connection) {
      connection.exec("INSERT INTO fruit VALUES('pear', 'green')");
      throw Error(ErrorKind::kConflict, "changed my mind");
    };
    bool thrown = false;
    try {
      co_await database.transaction(Durability::kDurable, failing);
    } catch (const Error& error) {
      thrown = error.kind() == ErrorKind::kConflict;
    }
    CHECK(thrown);
    auto working = [](SQLite::Database& connection) {
      return connection.exec("INSERT INTO fruit VALUES('plum', 'blue')");
    };
    CHECK(co_await database.transaction(Durability::kVisible, working) == 1);
  };
  auto done = asio::co_spawn(context, body, asio::use_future);
  context.run();
  done.get();
  CHECK(count_fruit(database) == 1);
}

TEST_CASE("a file that is no database is refused by name", "[state]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "berth.db";
  FILE* file = std::fopen(path.c_str(), "w");
  std::fputs("this is surely no database, and long enough to be looked at", file);
  std::fclose(file);
  CHECK_THROWS_WITH(Database(path), Catch::Contains(path.native()));
}
