// An item of GET /events.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct EventActor {
  std::string id;
  StringMap attributes;

  static constexpr auto fields() {
    return std::tuple{field("ID", &EventActor::id),
                      field("Attributes", &EventActor::attributes, Rule::kEmptyCollection)};
  }
  bool operator==(const EventActor&) const = default;
};

struct Event {
  // The first three repeat action, id and image for readers from before API 1.22.
  std::string status;
  std::string id;
  std::string from;
  std::string type;
  std::string action;
  EventActor actor;
  std::string scope;
  std::int64_t time = 0;
  std::int64_t time_nano = 0;

  static constexpr auto fields() {
    using enum Rule;
    using E = Event;
    return std::tuple{field("status", &E::status, kOmitEmpty),
                      field("id", &E::id, kOmitEmpty),
                      field("from", &E::from, kOmitEmpty),
                      field("Type", &E::type),
                      field("Action", &E::action),
                      field("Actor", &E::actor),
                      field("scope", &E::scope, kOmitEmpty),
                      field("time", &E::time, kOmitEmpty),
                      field("timeNano", &E::time_nano, kOmitEmpty)};
  }
  bool operator==(const Event&) const = default;
};

}  // namespace berth::api
