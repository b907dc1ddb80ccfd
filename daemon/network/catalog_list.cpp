// GET /networks and its filters.
#include <algorithm>
#include <functional>
#include <regex>

#include <fmt/format.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/network/catalog.hpp"

namespace berth::network {

namespace {

struct Candidate {
  const api::Network& network;
  bool built_in = false;
  bool in_use = false;
};
using Match = std::function<bool(const Candidate&)>;

Match match_text(const std::string& value, std::string api::Network::* subject) {
  try {
    return [expression = std::regex(value), value, subject](const Candidate& candidate) {
      const std::string& text = candidate.network.*subject;
      return text.find(value) != std::string::npos || std::regex_search(text, expression);
    };
  } catch (const std::regex_error&) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid filter value \"{}\": not an expression", value));
  }
}

Match match_type(const std::string& value) {
  if (value != "custom" && value != "builtin")
    throw Error(ErrorKind::kInvalidArgument, fmt::format("invalid filter: 'type'='{}'", value));
  return [builtin = value == "builtin"](const Candidate& each) { return each.built_in == builtin; };
}

Match match_dangling(const std::string& value) {
  const auto yes = parse_truth(value);
  if (!yes)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("invalid filter 'dangling=[{}]'", value));
  return [yes = *yes](const Candidate& each) { return !each.built_in && each.in_use != yes; };
}

Match match_for(const std::string& name, const std::string& value) {
  if (name == "name") return match_text(value, &api::Network::name);
  if (name == "id") return match_text(value, &api::Network::id);
  if (name == "driver") return [=](const Candidate& each) { return each.network.driver == value; };
  if (name == "scope") return [=](const Candidate& each) { return each.network.scope == value; };
  if (name == "label")
    return [=](const Candidate& each) { return has_label(each.network.labels, value); };
  if (name == "type") return match_type(value);
  if (name == "dangling") return match_dangling(value);
  throw Error(ErrorKind::kInvalidArgument, fmt::format("invalid filter '{}'", name));
}

/// Any value of a filter lets a network through; of labels, all must.
Match match_all(const NetworkFilters& filters) {
  std::vector<Match> every;
  for (const auto& [name, values] : filters) {
    std::vector<Match> some;
    for (const std::string& value : values)
      some.push_back(match_for(name, value));
    if (name == "label") {
      every.insert(every.end(), some.begin(), some.end());
    } else {
      every.emplace_back([some = std::move(some)](const Candidate& each) {
        return std::any_of(some.begin(), some.end(), [&](const Match& one) { return one(each); });
      });
    }
  }
  return [every = std::move(every)](const Candidate& each) {
    return std::all_of(every.begin(), every.end(), [&](const Match& one) { return one(each); });
  };
}

}  // namespace

std::vector<api::Network> Catalog::list(const NetworkFilters& filters) const {
  const Match match = match_all(filters);
  std::map<std::string, NetworkInfo> infos;
  for (NetworkInfo& info : service_.list()) {
    std::string id = info.id.str();
    infos.emplace(std::move(id), std::move(info));
  }
  std::vector<api::Network> all;
  for (const auto& [id, definition] : definitions_) {
    const NetworkInfo& info = infos[id];
    api::Network network = shown(definition, info, false);
    if (match({network, is_built_in(definition), !info.endpoints.empty()}))
      all.push_back(std::move(network));
  }
  return all;
}

}  // namespace berth::network
