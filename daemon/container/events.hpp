// Events of containers.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "daemon/container/container.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// Publishes `action` of the container with its labels, name and image, and `more` attributes.
void publish(Services& services, const Container& container, std::string_view action,
             const std::map<std::string, std::string>& more = {});

/// Publishes that the container joined ("connect") or left ("disconnect") the endpoint's network.
void publish_network(Services& services, const network::Endpoint& endpoint,
                     std::string_view action);

}  // namespace berth::container
