#include "daemon/event/bus.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace berth::event {

namespace {

// How much of the past `since` can reach, and how far a listener may fall behind.
constexpr std::size_t kRemembered = 1024;
constexpr std::size_t kQueueLimit = 16384;

api::Event make_event(std::string type, std::string action, std::string actor_id,
                      std::map<std::string, std::string> attributes) {
  const Timestamp at = now();
  api::Event event;
  event.type = std::move(type);
  event.action = std::move(action);
  event.actor.id = std::move(actor_id);
  event.actor.attributes = std::move(attributes);
  event.scope = "local";
  event.time = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  event.time_nano = at.time_since_epoch().count();
  if (event.type == "container" || event.type == "image") {
    event.status = event.action;
    event.id = event.actor.id;
    const auto image = event.actor.attributes.find("image");
    if (event.type == "container" && image != event.actor.attributes.end())
      event.from = image->second;
  }
  return event;
}

}  // namespace

Subscription::Subscription(Bus& bus, Filter filter)
    : bus_(bus), filter_(std::move(filter)), arrived_(bus.control_) {
  bus_.subscriptions_.push_back(this);
}

Subscription::~Subscription() {
  bus_.subscriptions_.remove(this);
}

void Subscription::offer(const api::Event& event) {
  if (overrun_ || !filter_.matches(event)) return;
  if (queue_.size() >= kQueueLimit) {
    overrun_ = true;
  } else {
    queue_.push_back(event);
  }
  arrived_.set();
}

Task<std::optional<api::Event>> Subscription::next(std::optional<Timestamp> until) {
  while (queue_.empty()) {
    if (overrun_) {
      throw Error(ErrorKind::kUnavailable, "events were lost: the client reads too slowly");
    }
    if (!until) {
      co_await arrived_.wait();
    } else {
      const auto left = *until - now();
      if (left <= std::chrono::nanoseconds(0) || !co_await arrived_.wait_for(left))
        co_return std::nullopt;
    }
    arrived_.reset();
  }
  if (until && queue_.front().time_nano > until->time_since_epoch().count()) co_return std::nullopt;
  api::Event event = std::move(queue_.front());
  queue_.pop_front();
  co_return event;
}

void Bus::publish(std::string type, std::string action, std::string actor_id,
                  std::map<std::string, std::string> attributes) {
  api::Event event =
      make_event(std::move(type), std::move(action), std::move(actor_id), std::move(attributes));
  for (Subscription* subscription : subscriptions_)
    subscription->offer(event);
  recent_.push_back(std::move(event));
  if (recent_.size() > kRemembered) recent_.pop_front();
}

std::unique_ptr<Subscription> Bus::subscribe(Filter filter, std::optional<Timestamp> since) {
  auto subscription = std::make_unique<Subscription>(*this, std::move(filter));
  if (since) {
    for (const api::Event& event : recent_) {
      if (event.time_nano >= since->time_since_epoch().count()) subscription->offer(event);
    }
  }
  return subscription;
}

}  // namespace berth::event
