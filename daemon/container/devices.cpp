#include "daemon/container/devices.hpp"

#include <filesystem>
#include <set>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/container/spec_defaults.hpp"

namespace berth::container {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

json node(const std::string& path_in_container, const struct stat& status) {
  return {{"path", path_in_container},
          {"type", S_ISBLK(status.st_mode) ? "b" : "c"},
          {"major", major(status.st_rdev)},
          {"minor", minor(status.st_rdev)},
          {"fileMode", status.st_mode & 07777U},
          {"uid", status.st_uid},
          {"gid", status.st_gid}};
}

json named_node(const api::DeviceMapping& device) {
  struct stat status{};
  if (::stat(device.path_on_host.c_str(), &status) != 0) {
    refuse("error gathering device information while adding custom device \"" +
           device.path_on_host + "\": " + errno_text(errno));
  }
  if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) {
    refuse("error gathering device information while adding custom device \"" +
           device.path_on_host + "\": not a device node");
  }
  return node(device.path_in_container.empty() ? device.path_on_host : device.path_in_container,
              status);
}

/// Every device below /dev, but for what the container gets as its own: terminals, shared memory,
/// queues.
json host_nodes() {
  static const std::set<std::string> kOwn = {"/dev/pts",  "/dev/shm", "/dev/mqueue", "/dev/console",
                                             "/dev/ptmx", "/dev/fd",  "/dev/core"};
  json nodes = json::array();
  std::error_code error;
  for (auto entry = std::filesystem::recursive_directory_iterator("/dev", error);
       entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    if (error) break;
    if (kOwn.contains(entry->path().native())) {
      entry.disable_recursion_pending();
      continue;
    }
    struct stat status{};
    if (::lstat(entry->path().c_str(), &status) != 0) continue;
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
      nodes.push_back(node(entry->path().native(), status));
  }
  return nodes;
}

json rule(char type, int major_number, int minor_number, std::string_view access) {
  json entry{{"allow", true}, {"type", std::string(1, type)}, {"access", access}};
  if (major_number >= 0) entry["major"] = major_number;
  if (minor_number >= 0) entry["minor"] = minor_number;
  return entry;
}

}  // namespace

json parse_device_rule(const std::string& text) {
  const auto parts = split(text, ' ');
  const auto bad = [&]() {
    refuse("invalid device cgroup rule format: \"" + text + "\": must be like \"c 1:3 rwm\"");
  };
  if (parts.size() != 3 || parts[0].size() != 1 ||
      std::string_view("acb").find(parts[0][0]) == std::string_view::npos) {
    bad();
  }
  const auto numbers = split(parts[1], ':');
  const bool access_known = parts[2].find_first_not_of("rwm") == std::string_view::npos;
  if (numbers.size() != 2 || parts[2].empty() || parts[2].size() > 3 || !access_known) bad();
  const auto number = [&](std::string_view word) {
    if (word == "*") return -1;
    const auto value = parse_number<int>(word);
    if (!value || *value < 0) bad();
    return *value;
  };
  return rule(parts[0][0], number(numbers[0]), number(numbers[1]), parts[2]);
}

json device_nodes(const api::HostConfig& host_config) {
  json nodes = host_config.privileged ? host_nodes() : json::array();
  for (const api::DeviceMapping& device : host_config.resources.devices)
    nodes.push_back(named_node(device));
  return nodes;
}

json device_rules(const api::HostConfig& host_config) {
  json rules = json::array();
  if (host_config.privileged) {
    rules.push_back({{"allow", true}, {"access", "rwm"}});
    return rules;
  }
  rules.push_back({{"allow", false}, {"access", "rwm"}});
  for (const DefaultDeviceRule& entry : kDefaultDeviceRules) {
    rules.push_back(rule(entry.type, entry.major, entry.minor, entry.access));
  }
  for (const api::DeviceMapping& device : host_config.resources.devices) {
    const json found = named_node(device);
    rules.push_back(rule(found["type"].get<std::string>()[0], found["major"].get<int>(),
                         found["minor"].get<int>(),
                         device.cgroup_permissions.empty() ? "rwm" : device.cgroup_permissions));
  }
  for (const std::string& text : host_config.resources.device_cgroup_rules)
    rules.push_back(parse_device_rule(text));
  return rules;
}

}  // namespace berth::container
