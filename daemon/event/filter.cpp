#include <algorithm>
#include <array>
#include <functional>

#include "common/error.hpp"
#include "daemon/event/bus.hpp"

namespace berth::event {

namespace {

constexpr std::array<std::string_view, 14> kKnown = {
    "config", "container", "daemon", "event",  "image",   "label", "network",
    "node",   "plugin",    "scope",  "secret", "service", "type",  "volume"};

const std::string* attribute(const api::Event& event, const std::string& key) {
  const auto found = event.actor.attributes.find(key);
  return found == event.actor.attributes.end() ? nullptr : &found->second;
}

bool label_matches(const api::Event& event, const std::string& wanted) {
  const std::size_t equals = wanted.find('=');
  const std::string* value = attribute(event, wanted.substr(0, equals));
  return value != nullptr && (equals == std::string::npos || *value == wanted.substr(equals + 1));
}

/// `container=web`, by the beginning of a name or of an id.
bool actor_matches(const api::Event& event, const std::string& noun, const std::string& wanted) {
  if (event.type != noun) return false;
  const std::string* name = attribute(event, "name");
  return event.actor.id.starts_with(wanted) || (name != nullptr && name->starts_with(wanted));
}

/// "nginx:1.25" as "nginx", but not "registry:5000/nginx" as "registry".
std::string_view without_tag(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  const bool is_tag =
      colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos;
  return is_tag ? name.substr(0, colon) : name;
}

/// An image is also meant by what it is called without its tag, in events of its containers too.
bool image_matches(const api::Event& event, const std::string& wanted) {
  const std::string* name = attribute(event, event.type == "image" ? "name" : "image");
  if (event.type == "image" && event.actor.id.starts_with(wanted)) return true;
  if (name == nullptr) return false;
  return *name == wanted || without_tag(*name) == wanted;
}

bool value_matches(const api::Event& event, const std::string& filter, const std::string& wanted) {
  if (filter == "type") return event.type == wanted;
  if (filter == "scope") return event.scope == wanted;
  if (filter == "event") {
    // "exec_create: sh" is meant by "exec_create".
    return event.action == wanted || event.action.starts_with(wanted + ":");
  }
  if (filter == "image") return image_matches(event, wanted);
  return actor_matches(event, filter, wanted);
}

}  // namespace

Filter::Filter(std::map<std::string, std::vector<std::string>> wanted)
    : wanted_(std::move(wanted)) {
  for (const auto& [name, values] : wanted_) {
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
      throw Error(ErrorKind::kInvalidArgument, "invalid filter '" + name + "'");
    }
  }
}

bool Filter::matches(const api::Event& event) const {
  return std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& entry) {
    const auto& [name, values] = entry;
    if (values.empty()) return true;
    if (name == "label") {
      return std::all_of(values.begin(), values.end(),
                         [&](const std::string& value) { return label_matches(event, value); });
    }
    return std::any_of(values.begin(), values.end(),
                       [&](const std::string& value) { return value_matches(event, name, value); });
  });
}

}  // namespace berth::event
