// Undo of a multi-step operation of the daemon.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/async/task.hpp"

namespace berth {

/// Register each undo right after the step that it undoes. On failure await run(): the undo steps
/// run in reverse, all of them even when one fails (its error is logged: the operation's own error
/// is what the caller reports), and none is interrupted when the client goes away. On success call
/// release().
class Rollback {
 public:
  using Undo = std::function<Task<>()>;

  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;

  void add(std::string step, Undo undo) { steps_.emplace_back(std::move(step), std::move(undo)); }
  void release() noexcept { steps_.clear(); }
  Task<> run();

 private:
  std::vector<std::pair<std::string, Undo>> steps_;
};

}  // namespace berth
