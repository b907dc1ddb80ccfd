#include <algorithm>
#include <set>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/container/spec_defaults.hpp"
#include "daemon/runtime/capabilities.hpp"

namespace berth::container {

namespace {

/// "net_admin", "CAP_NET_ADMIN" and "all" in one form.
std::string normalise(const std::string& name, const char* option) {
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (upper == "ALL") return upper;
  if (!upper.starts_with("CAP_")) upper = "CAP_" + upper;
  if (!runtime::is_known_capability(upper)) {
    throw Error(ErrorKind::kInvalidArgument,
                std::string("invalid ") + option + ": unknown capability: \"" + name + "\"");
  }
  return upper;
}

std::set<std::string> normalise_all(const std::vector<std::string>& names, const char* option) {
  std::set<std::string> normal;
  for (const std::string& name : names)
    normal.insert(normalise(name, option));
  return normal;
}

}  // namespace

std::vector<std::string> effective_capabilities(const api::HostConfig& host_config) {
  const auto add = normalise_all(host_config.cap_add, "CapAdd");
  const auto drop = normalise_all(host_config.cap_drop, "CapDrop");
  std::vector<std::string> all = runtime::known_capabilities();
  if (host_config.privileged) return all;
  std::set<std::string> granted;
  if (add.contains("ALL")) {
    granted.insert(all.begin(), all.end());
  } else if (!drop.contains("ALL")) {
    granted.insert(kDefaultCapabilities.begin(), kDefaultCapabilities.end());
  }
  for (const std::string& name : drop)
    granted.erase(name);
  for (const std::string& name : add) {
    if (name != "ALL") granted.insert(name);
  }
  return {granted.begin(), granted.end()};
}

}  // namespace berth::container
