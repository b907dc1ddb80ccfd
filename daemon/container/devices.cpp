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

json node(const std::string& path_in_container, const std::string& path_on_host,
          const struct stat& status) {
  return {{"path", path_in_container},
          {"hostPath", path_on_host},
          {"type", S_ISBLK(status.st_mode) ? "b" : "c"},
          {"major", major(status.st_rdev)},
          {"minor", minor(status.st_rdev)},
          {"fileMode", status.st_mode & 07777U},
          {"uid", status.st_uid},
          {"gid", status.st_gid}};
}

[[noreturn]] void refuse_device(const std::string& path, const std::string& reason) {
  refuse("error gathering device information while adding custom device \"" + path +
         "\": " + reason);
}

bool is_device(const struct stat& status) {
  return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
}

/// Devices below a folder of the host, each with the path that it gets in the container. What every
/// container has of its own is left out.
json nodes_below(const std::string& folder, const std::string& in_container) {
  static const std::set<std::string> kOwn = {"pts", "shm", "fd", "mqueue"};
  json nodes = json::array();
  std::error_code error;
  for (auto entry = std::filesystem::recursive_directory_iterator(folder, error);
       !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    if (kOwn.contains(entry->path().filename())) {
      entry.disable_recursion_pending();
      continue;
    }
    struct stat status{};
    const std::string& path = entry->path().native();
    if (::lstat(path.c_str(), &status) == 0 && is_device(status))
      nodes.push_back(node(in_container + path.substr(folder.size()), path, status));
  }
  return nodes;
}

/// One device, or those in a folder of them (/dev/snd, /dev/bus/usb).
json named_nodes(const api::DeviceMapping& device) {
  struct stat status{};
  const std::string& path = device.path_on_host;
  if (::stat(path.c_str(), &status) != 0) refuse_device(path, errno_text(errno));
  const std::string& place = device.path_in_container.empty() ? path : device.path_in_container;
  if (!place.starts_with('/')) refuse_device(path, "the path in the container must be absolute");
  if (is_device(status)) return json::array({node(place, path, status)});
  json nodes = S_ISDIR(status.st_mode)
                   ? nodes_below(std::filesystem::canonical(path).native(), place)
                   : json::array();
  if (nodes.empty()) refuse_device(path, "not a device node");
  return nodes;
}

std::string access_of(const api::DeviceMapping& device) {
  const std::string& access = device.cgroup_permissions;
  if (access.empty()) return "rwm";
  if (access.find_first_not_of("rwm") != std::string::npos)
    refuse("invalid device mode: " + access + ": must be of r, w and m");
  return access;
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
      nodes.push_back(node(entry->path().native(), entry->path().native(), status));
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
  for (const api::DeviceMapping& device : host_config.resources.devices) {
    access_of(device);
    for (json& found : named_nodes(device))
      nodes.push_back(std::move(found));
  }
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
    for (const json& found : named_nodes(device)) {
      rules.push_back(rule(found["type"].get<std::string>()[0], found["major"].get<int>(),
                           found["minor"].get<int>(), access_of(device)));
    }
  }
  for (const std::string& text : host_config.resources.device_cgroup_rules)
    rules.push_back(parse_device_rule(text));
  return rules;
}

}  // namespace berth::container
