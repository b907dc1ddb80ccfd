#include "client/options/devices.hpp"

#include "client/options/value.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

bool is_permissions(std::string_view text) {
  return !text.empty() && text.size() <= 3 &&
         text.find_first_not_of("rwm") == std::string_view::npos;
}

/// "/dev/sda:VALUE" at its last colon.
std::pair<std::string, std::string> split_device(std::string_view what, const std::string& text,
                                                 std::string_view wanted) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || !text.starts_with("/dev/")) {
    throw invalid_value(what, text, wanted);
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::int64_t parse_limit(const std::string& text, std::string_view value) {
  if (value == "unlimited") return -1;
  const auto number = parse_number<std::int64_t>(value);
  if (!number || *number < -1) {
    throw invalid_value("ulimit", text, "NAME=SOFT[:HARD], such as nofile=1024:2048");
  }
  return *number;
}

}  // namespace

api::DeviceMapping parse_device(const std::string& text) {
  const std::vector<std::string_view> parts = split(text, ':');
  constexpr std::string_view kWanted =
      "a device of the host, such as /dev/fuse[:/dev/in-container][:rwm]";
  if (parts.size() > 3 || parts.front().empty()) throw invalid_value("device", text, kWanted);
  api::DeviceMapping device;
  device.path_on_host = parts.front();
  device.path_in_container = parts.front();
  device.cgroup_permissions = "rwm";
  if (parts.size() == 2 && is_permissions(parts[1])) {
    device.cgroup_permissions = parts[1];
  } else if (parts.size() >= 2) {
    device.path_in_container = parts[1];
  }
  if (parts.size() == 3) {
    if (!is_permissions(parts[2])) throw invalid_value("device", text, kWanted);
    device.cgroup_permissions = parts[2];
  }
  return device;
}

api::Ulimit parse_ulimit(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw invalid_value("ulimit", text, "NAME=SOFT[:HARD], such as nofile=1024:2048");
  }
  const std::string_view limits = std::string_view(text).substr(equals + 1);
  const std::size_t colon = limits.find(':');
  api::Ulimit limit;
  limit.name = text.substr(0, equals);
  limit.soft = parse_limit(text, limits.substr(0, colon));
  limit.hard =
      colon == std::string_view::npos ? limit.soft : parse_limit(text, limits.substr(colon + 1));
  if (limit.hard >= 0 && (limit.soft > limit.hard || limit.soft < 0)) {
    throw invalid_value("ulimit", text, "a soft limit that is not above the hard one");
  }
  return limit;
}

api::WeightDevice parse_weight_device(const std::string& text) {
  constexpr std::string_view kWanted = "/dev/NAME:WEIGHT with a weight from 10 to 1000";
  const auto [path, value] = split_device("weight of a device", text, kWanted);
  const auto weight = parse_number<std::uint16_t>(value);
  if (!weight || (*weight != 0 && (*weight < 10 || *weight > 1000))) {
    throw invalid_value("weight of a device", text, kWanted);
  }
  return {path, *weight};
}

api::ThrottleDevice parse_throttle_device(const std::string& text, RateUnit unit) {
  if (unit == RateUnit::kBytes) {
    const auto [path, value] = split_device("rate of a device", text, "/dev/NAME:RATE such as 1mb");
    return {path, static_cast<std::uint64_t>(parse_memory_size(value))};
  }
  constexpr std::string_view kWanted = "/dev/NAME:RATE with a whole number";
  const auto [path, value] = split_device("rate of a device", text, kWanted);
  const auto rate = parse_number<std::uint64_t>(value);
  if (!rate) throw invalid_value("rate of a device", text, kWanted);
  return {path, *rate};
}

api::DeviceRequest parse_gpus(const std::string& text) {
  api::DeviceRequest request;
  request.capabilities.push_back({"gpu"});
  bool counted = false;
  for (const std::string& field : parse_csv(text)) {
    const KeyValue pair = parse_key_value(field);
    if (!pair.has_value || pair.key == "count") {
      const std::string_view count = pair.has_value ? pair.value : std::string_view(field);
      request.count = count == "all" ? -1 : parse_integer("count of gpus", count);
      counted = true;
    } else if (pair.key == "device") {
      for (const std::string_view id : split(pair.value, ','))
        request.device_ids.emplace_back(id);
    } else if (pair.key == "driver") {
      request.driver = pair.value;
    } else if (pair.key == "capabilities") {
      for (const std::string_view name : split(pair.value, ','))
        request.capabilities.front().emplace_back(name);
    } else if (pair.key == "options") {
      request.options = parse_pairs(parse_csv(pair.value), "gpu option");
    } else {
      throw invalid_value("gpus", text, "all, a count, or device=..");
    }
  }
  if (!counted && request.device_ids.empty()) request.count = 1;
  return request;
}

}  // namespace berth::client
