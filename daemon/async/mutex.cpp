#include "daemon/async/mutex.hpp"

#include <algorithm>

namespace berth {

Task<AsyncMutex::Lock> AsyncMutex::lock() {
  if (!held_) {
    held_ = true;
    co_return Lock(this);
  }
  auto turn = std::make_unique<AsyncSignal>(executor_);
  AsyncSignal* const signal = turn.get();
  queue_.push_back(std::move(turn));
  // pass_on() hands the ownership over with the signal and keeps held_ set, so nobody can slip in
  // between.
  std::exception_ptr cancelled;
  try {
    co_await signal->wait();
  } catch (...) {
    cancelled = std::current_exception();
  }
  const bool mine = signal->is_set();
  queue_.remove_if([&](const auto& entry) { return entry.get() == signal; });
  if (cancelled) {
    if (mine) pass_on();
    std::rethrow_exception(cancelled);
  }
  co_return Lock(this);
}

void AsyncMutex::pass_on() {
  const auto next = std::find_if(queue_.begin(), queue_.end(),
                                 [](const auto& entry) { return !entry->is_set(); });
  if (next == queue_.end()) {
    held_ = false;
    return;
  }
  (*next)->set();
}

}  // namespace berth
