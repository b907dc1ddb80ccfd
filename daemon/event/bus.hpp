// Events: what changed, told to whoever listens. Control thread.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/event.hpp"
#include "common/time.hpp"
#include "daemon/async/signal.hpp"

namespace berth::event {

/// Which events a listener wants. Names and values of the API's filters; each name must be matched
/// by one of its values, every label by itself.
class Filter {
 public:
  Filter() = default;
  /// Throws Error{kInvalidArgument} for a filter that the API does not know.
  explicit Filter(std::map<std::string, std::vector<std::string>> wanted);

  bool matches(const api::Event& event) const;

 private:
  std::map<std::string, std::vector<std::string>> wanted_;
};

class Bus;

/// A listener's queue, fed while it exists.
class Subscription {
 public:
  Subscription(Bus& bus, Filter filter);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  /// The next event; nothing when the next one is of a time behind `until`, or none came before
  /// that. A listener that does not keep up is cut off: throws Error{kUnavailable}. Throws
  /// boost::system::system_error(operation_aborted) when the waiting coroutine is cancelled.
  Task<std::optional<api::Event>> next(std::optional<Timestamp> until);

 private:
  friend class Bus;
  void offer(const api::Event& event);

  Bus& bus_;
  Filter filter_;
  std::deque<api::Event> queue_;
  AsyncSignal arrived_;
  bool overrun_ = false;
};

class Bus {
 public:
  explicit Bus(asio::any_io_executor control) : control_(std::move(control)) {}
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  void publish(std::string type, std::string action, std::string actor_id,
               std::map<std::string, std::string> attributes);

  /// What is still remembered from `since` on, and then all that comes, but for what `filter`
  /// leaves out.
  std::unique_ptr<Subscription> subscribe(Filter filter, std::optional<Timestamp> since);

 private:
  friend class Subscription;

  asio::any_io_executor control_;
  std::deque<api::Event> recent_;
  std::list<Subscription*> subscriptions_;
};

}  // namespace berth::event
