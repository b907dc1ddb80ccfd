// The rows of volumes.
#pragma once

#include <string>
#include <vector>

#include "api/field.hpp"
#include "common/time.hpp"
#include "daemon/async/task.hpp"
#include "daemon/state/database.hpp"

namespace berth::volume {

/// What create fixes of a volume.
struct Record {
  std::string name;
  Timestamp created;
  api::StringMap labels;
};

class Store {
 public:
  /// Brings the table up to date.
  explicit Store(state::Database& database);

  /// Every row, for start-up. A row that cannot be read is an Error that names it.
  std::vector<Record> load();

  /// Durable when it returns.
  Task<> insert(const Record& record);
  Task<> remove(std::string name);

 private:
  state::Database& database_;
};

}  // namespace berth::volume
