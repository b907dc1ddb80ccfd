#include "daemon/container/list.hpp"

#include <algorithm>
#include <functional>
#include <regex>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/container/network_mode.hpp"
#include "daemon/container/view.hpp"

namespace berth::container {

namespace {

/// True for a container that one value of a filter lets through.
using Match = std::function<bool(const Container&)>;

Match match_pattern(const std::string& pattern,
                    std::function<std::string(const Container&)> subject) {
  try {
    return [expression = std::regex(pattern, std::regex::ECMAScript),
            subject](const Container& container) {
      return std::regex_search(subject(container), expression);
    };
  } catch (const std::regex_error&) {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid filter value \"" + pattern + "\": not an expression");
  }
}

Match match_label(const std::string& value) {
  const std::size_t equals = value.find('=');
  const std::string key = value.substr(0, equals);
  return [=](const Container& container) {
    const auto& labels = container.definition.config.labels;
    const auto found = labels.find(key);
    if (found == labels.end()) return false;
    return equals == std::string::npos || found->second == value.substr(equals + 1);
  };
}

Match match_ancestor(const Services& services, const std::string& value) {
  std::string image_id;
  try {
    image_id = services.images.resolve(value).id.str();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kNotFound) throw;
  }
  return [=](const Container& container) {
    return container.definition.config.image == value ||
           (!image_id.empty() && container.definition.image_id == image_id);
  };
}

Match match_age(const Services& services, const std::string& value, bool before) {
  const Timestamp limit = services.index.find(value)->definition.created;
  return [=](const Container& container) {
    return before ? container.definition.created < limit : container.definition.created > limit;
  };
}

Match match_network(const std::string& value) {
  return [=](const Container& container) {
    return container.definition.host_config.network_mode == value ||
           container.definition.networking.endpoints_config.contains(value) ||
           std::any_of(container.endpoints.begin(), container.endpoints.end(),
                       [&](const network::Endpoint& endpoint) {
                         return endpoint.network_id.str().starts_with(value);
                       });
  };
}

Match match_health(const std::string& value) {
  return [=](const Container& container) {
    const auto& health = container.state.health;
    return value == (health ? to_string(health->status) : "none");
  };
}

Match match_port(const std::string& value, bool published) {
  const auto parts = split(value, '/');
  const auto number = parse_number<std::uint16_t>(parts[0]);
  if (!number)
    throw Error(ErrorKind::kInvalidArgument, "invalid port in a filter: \"" + value + "\"");
  const std::string type = parts.size() > 1 ? std::string(parts[1]) : "tcp";
  return [=](const Container& container) {
    const auto ports = summarise(container, now()).ports;
    return std::any_of(ports.begin(), ports.end(), [&](const api::Port& port) {
      return port.private_port == *number && port.type == type &&
             (!published || port.public_port != 0);
    });
  };
}

Match make_match(const Services& services, const std::string& filter, const std::string& value) {
  if (filter == "id") {
    return [=](const Container& container) { return container.id().str().starts_with(value); };
  }
  if (filter == "name") {
    return match_pattern(value, [](const Container& container) { return "/" + container.name; });
  }
  if (filter == "label") return match_label(value);
  if (filter == "status") {
    const Status status = parse_status(value);
    return [=](const Container& container) { return container.state.status == status; };
  }
  if (filter == "exited") {
    const auto code = parse_number<int>(value);
    if (!code)
      throw Error(ErrorKind::kInvalidArgument, "invalid exit code in a filter: \"" + value + "\"");
    return [=](const Container& container) {
      return container.state.status == Status::kExited && container.state.exit_code == *code;
    };
  }
  if (filter == "ancestor") return match_ancestor(services, value);
  if (filter == "before" || filter == "since")
    return match_age(services, value, filter == "before");
  if (filter == "network") return match_network(value);
  if (filter == "publish" || filter == "expose") return match_port(value, filter == "publish");
  if (filter == "volume") {
    return [=](const Container& container) {
      const auto mounts = summarise(container, now()).mounts;
      return std::any_of(mounts.begin(), mounts.end(), [&](const api::MountPoint& mount) {
        return mount.destination == value || mount.source == value || mount.name == value;
      });
    };
  }
  if (filter == "health") return match_health(value);
  if (filter == "is-task") return [=](const Container&) { return value != "true" && value != "1"; };
  if (filter == "isolation")
    return [=](const Container&) { return value == "default" || value.empty(); };
  throw Error(ErrorKind::kInvalidArgument, "invalid filter '" + filter + "'");
}

/// Every filter must let a container through, by any of its values; of several labels each must
/// match.
std::vector<std::vector<Match>> make_matches(const Services& services, const ListOptions& options) {
  std::vector<std::vector<Match>> groups;
  for (const auto& [filter, values] : options.filters) {
    std::vector<Match> any;
    for (const std::string& value : values) {
      if (filter == "label") {
        groups.push_back({make_match(services, filter, value)});
      } else {
        any.push_back(make_match(services, filter, value));
      }
    }
    if (!any.empty()) groups.push_back(std::move(any));
  }
  return groups;
}

bool passes(const Container& container, const std::vector<std::vector<Match>>& groups) {
  return std::all_of(groups.begin(), groups.end(), [&](const auto& group) {
    return std::any_of(group.begin(), group.end(),
                       [&](const Match& match) { return match(container); });
  });
}

}  // namespace

std::vector<api::ContainerSummary> list(Services& services, const ListOptions& options) {
  const auto groups = make_matches(services, options);
  const bool all = options.all || options.limit > 0 || options.filters.contains("status") ||
                   options.filters.contains("exited");
  std::vector<ContainerPtr> chosen;
  for (ContainerPtr& container : services.index.all()) {
    if ((all || container->state.is_active()) && passes(*container, groups)) {
      chosen.push_back(std::move(container));
    }
  }
  std::sort(chosen.begin(), chosen.end(), [](const ContainerPtr& a, const ContainerPtr& b) {
    return a->definition.created > b->definition.created;
  });
  if (options.limit > 0 && chosen.size() > static_cast<std::size_t>(options.limit)) {
    chosen.resize(static_cast<std::size_t>(options.limit));
  }
  std::vector<api::ContainerSummary> summaries;
  summaries.reserve(chosen.size());
  const Timestamp at = now();
  for (const ContainerPtr& container : chosen)
    summaries.push_back(summarise(*container, at));
  return summaries;
}

Counts count(const Services& services) {
  Counts counts;
  for (const ContainerPtr& container : services.index.all()) {
    if (container->state.status == Status::kPaused) {
      ++counts.paused;
    } else if (container->state.is_active()) {
      ++counts.running;
    } else {
      ++counts.stopped;
    }
  }
  return counts;
}

}  // namespace berth::container
