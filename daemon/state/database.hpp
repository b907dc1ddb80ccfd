// The daemon's SQLite database. Each noun keeps tables of its own and reads no other noun's rows.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "daemon/async/pool.hpp"
#include "daemon/async/task.hpp"

namespace SQLite {
class Database;
}

namespace berth::state {

enum class Durability {
  kVisible,  // survives a kill of the daemon; the last such changes may be lost with the power
  kDurable,  // survives power loss: what an answer of 2xx promised
};

/// One connection in WAL mode, used by one thread of its own, in the order of the calls.
class Database {
 public:
  /// Opens or creates the file. Throws Error when it cannot be used (damaged, newer than this
  /// program).
  explicit Database(const std::filesystem::path& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Finishes what was begun and takes nothing more: the daemon's coroutines may be destroyed
  /// afterwards.
  void close() { thread_.join(); }

  /// Brings the tables of `noun` up to date: step i takes them from version i to i + 1. At start-up
  /// only.
  void migrate(std::string_view noun, std::span<const std::string_view> steps);

  /// Runs `work` in one transaction: committed when it returns, rolled back when it throws. `work`
  /// must own what it refers to or outlive the call; it runs on the database's thread.
  template <typename Work, typename Result = std::invoke_result_t<Work&, SQLite::Database&>>
  Task<Result> transaction(Durability durability, Work work) {
    auto job = [this, durability, &work] { return run_now(work, durability); };
    if constexpr (std::is_void_v<Result>) {
      co_await thread_.run(std::move(job));
    } else {
      co_return co_await thread_.run(std::move(job));
    }
  }

  /// The same on the calling thread, for start-up, when nobody else uses the database yet.
  template <typename Work, typename Result = std::invoke_result_t<Work&, SQLite::Database&>>
  Result run_now(Work& work, Durability durability = Durability::kDurable) {
    if constexpr (std::is_void_v<Result>) {
      execute(durability, [&](SQLite::Database& database) { work(database); });
    } else {
      std::optional<Result> result;
      execute(durability, [&](SQLite::Database& database) { result.emplace(work(database)); });
      return std::move(*result);
    }
  }

 private:
  void execute(Durability durability, const std::function<void(SQLite::Database&)>& work);

  std::unique_ptr<SQLite::Database> connection_;
  std::optional<Durability> durability_;
  BlockingPool thread_{1};
};

}  // namespace berth::state
