// The rows of containers.
#pragma once

#include <string>
#include <vector>

#include "daemon/async/task.hpp"
#include "daemon/container/container.hpp"
#include "daemon/state/database.hpp"

namespace berth::container {

class Store {
 public:
  /// Brings the table up to date.
  explicit Store(state::Database& database);

  struct Row {
    std::string name;
    Definition definition;
    RunState state;
    std::vector<network::Endpoint> endpoints;
  };
  /// Every row, for start-up. A row that cannot be read is an Error that names it.
  std::vector<Row> load();

  /// Durable when it returns.
  Task<> insert(const Container& container);
  Task<> remove(ContainerId id);
  Task<> save_name(ContainerId id, std::string name);
  Task<> save_definition(const Definition& definition);
  /// State and endpoints; survives a kill of the daemon, not a loss of power: after that nothing
  /// runs anyway.
  Task<> save_state(const Container& container);

 private:
  state::Database& database_;
};

}  // namespace berth::container
