// The WWW-Authenticate header of a registry's 401 (RFC 7235; "Docker Registry v2 authentication").
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth::registry {

struct Challenge {
  /// Lower case: "basic", "bearer".
  std::string scheme;
  /// Lower-case names: "realm", "service", "scope", "error".
  std::map<std::string, std::string> parameters;
};

/// Every challenge of one header value, in order; what cannot be read ends the list.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace berth::registry
