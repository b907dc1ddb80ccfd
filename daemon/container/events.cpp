#include "daemon/container/events.hpp"

namespace berth::container {

void publish(Services& services, const Container& container, std::string_view action,
             const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> attributes = container.definition.config.labels;
  attributes["name"] = container.name;
  attributes["image"] = container.definition.config.image;
  for (const auto& [key, value] : more)
    attributes[key] = value;
  services.events.publish("container", std::string(action), container.id().str(),
                          std::move(attributes));
}

void publish_network(Services& services, const network::Endpoint& endpoint,
                     std::string_view action) {
  std::map<std::string, std::string> attributes{{"container", endpoint.container.str()},
                                                {"name", endpoint.network},
                                                {"type", endpoint.driver}};
  services.events.publish("network", std::string(action), endpoint.network_id.str(),
                          std::move(attributes));
}

}  // namespace berth::container
