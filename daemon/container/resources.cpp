#include "daemon/container/resources.hpp"

#include <cmath>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::container {

namespace {

constexpr std::int64_t kMinimumMemory = std::int64_t{6} << 20U;
constexpr std::int64_t kNano = 1'000'000'000;
constexpr std::int64_t kDefaultPeriod = 100'000;  // microseconds, the kernel's own default

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

void check_memory(const api::Resources& config) {
  if (config.memory != 0 && config.memory < kMinimumMemory)
    refuse("Minimum memory limit allowed is 6MB");
  if (config.memory > 0 && config.memory_swap > 0 && config.memory_swap < config.memory) {
    refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (config.memory == 0 && config.memory_swap > 0) {
    refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (config.memory_reservation != 0 && config.memory_reservation < kMinimumMemory) {
    refuse("Minimum memory reservation allowed is 6MB");
  }
  if (config.memory > 0 && config.memory_reservation > config.memory) {
    refuse("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
  const auto swappiness = config.memory_swappiness.value_or(-1);
  if (swappiness < -1 || swappiness > 100) {
    refuse("Invalid value: " + std::to_string(swappiness) +
           ", valid memory swappiness range is 0-100");
  }
}

void check_cpu(const api::Resources& config, int cpus) {
  if (config.nano_cpus != 0 && (config.cpu_period != 0 || config.cpu_quota != 0)) {
    refuse("Conflicting options: Nano CPUs and CPU Period or Quota cannot both be set");
  }
  if (config.nano_cpus < 0 || config.nano_cpus > cpus * kNano) {
    refuse("Range of CPUs is from 0.01 to " + std::to_string(cpus) + ".00, as there are only " +
           std::to_string(cpus) + " CPUs available");
  }
  if (config.cpu_period != 0 && (config.cpu_period < 1000 || config.cpu_period > 1'000'000)) {
    refuse("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (config.cpu_quota > 0 && config.cpu_quota < 1000) {
    refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if (config.cpu_shares < 0) {
    refuse("invalid CPU shares (" + std::to_string(config.cpu_shares) +
           "): value must be a positive integer");
  }
}

/// Checks a list such as "0-2,4" against the number of CPUs; `what` is the option's name in the
/// message.
void check_cpu_list(const std::string& list, int cpus, const std::string& what) {
  if (list.empty()) return;
  for (const std::string_view range : split(list, ',')) {
    const auto dash = range.find('-');
    const auto first = parse_number<int>(range.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : parse_number<int>(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first) {
      refuse("Invalid value " + list + " for " + what);
    }
    if (*last >= cpus) {
      std::string message = "Requested CPUs are not available - requested ";
      message.append(list).append(", available: 0-").append(std::to_string(cpus - 1));
      refuse(message);
    }
  }
}

void check_block_io(const api::Resources& config) {
  if (config.blkio_weight != 0 && (config.blkio_weight < 10 || config.blkio_weight > 1000)) {
    refuse("Range of blkio weight is from 10 to 1000");
  }
  for (const auto& device : config.blkio_weight_device) {
    if (device.weight < 10 || device.weight > 1000)
      refuse("Range of blkio weight is from 10 to 1000");
  }
}

struct DeviceNumber {
  unsigned major;
  unsigned minor;
};

DeviceNumber block_device(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    refuse("block device \"" + path + "\": " + errno_text(errno));
  }
  if (!S_ISBLK(status.st_mode)) refuse("\"" + path + "\" is not a block device");
  return {major(status.st_rdev), minor(status.st_rdev)};
}

nlohmann::json memory(const api::Resources& config) {
  nlohmann::json json = nlohmann::json::object();
  if (config.memory > 0) {
    json["limit"] = config.memory;
    // As other engines do: without a word about swap, as much swap as memory.
    json["swap"] = config.memory_swap != 0 ? config.memory_swap : 2 * config.memory;
  }
  if (config.memory_reservation > 0) json["reservation"] = config.memory_reservation;
  if (config.memory_swappiness.value_or(-1) >= 0) json["swappiness"] = *config.memory_swappiness;
  if (config.kernel_memory_tcp > 0) json["kernelTCP"] = config.kernel_memory_tcp;
  if (config.oom_kill_disable.value_or(false)) json["disableOOMKiller"] = true;
  return json;
}

nlohmann::json cpu(const api::Resources& config) {
  nlohmann::json json = nlohmann::json::object();
  if (config.cpu_shares > 0) json["shares"] = config.cpu_shares;
  if (config.nano_cpus > 0) {
    json["period"] = kDefaultPeriod;
    json["quota"] = config.nano_cpus * kDefaultPeriod / kNano;
  }
  if (config.cpu_period > 0) json["period"] = config.cpu_period;
  if (config.cpu_quota != 0) json["quota"] = config.cpu_quota;
  if (config.cpu_realtime_period > 0) json["realtimePeriod"] = config.cpu_realtime_period;
  if (config.cpu_realtime_runtime > 0) json["realtimeRuntime"] = config.cpu_realtime_runtime;
  if (!config.cpuset_cpus.empty()) json["cpus"] = config.cpuset_cpus;
  if (!config.cpuset_mems.empty()) json["mems"] = config.cpuset_mems;
  return json;
}

template <typename Devices>
nlohmann::json throttles(const Devices& devices) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& device : devices) {
    const DeviceNumber number = block_device(device.path);
    list.push_back({{"major", number.major}, {"minor", number.minor}, {"rate", device.rate}});
  }
  return list;
}

nlohmann::json block_io(const api::Resources& config) {
  nlohmann::json json = nlohmann::json::object();
  if (config.blkio_weight != 0) json["weight"] = config.blkio_weight;
  for (const auto& device : config.blkio_weight_device) {
    const DeviceNumber number = block_device(device.path);
    json["weightDevice"].push_back(
        {{"major", number.major}, {"minor", number.minor}, {"weight", device.weight}});
  }
  const auto put = [&](const char* key, const auto& devices) {
    if (!devices.empty()) json[key] = throttles(devices);
  };
  put("throttleReadBpsDevice", config.blkio_device_read_bps);
  put("throttleWriteBpsDevice", config.blkio_device_write_bps);
  put("throttleReadIOPSDevice", config.blkio_device_read_iops);
  put("throttleWriteIOPSDevice", config.blkio_device_write_iops);
  return json;
}

}  // namespace

void check_resources(const api::Resources& resources, int cpus) {
  check_memory(resources);
  check_cpu(resources, cpus);
  check_cpu_list(resources.cpuset_cpus, cpus, "cpuset cpus");
  check_block_io(resources);
}

nlohmann::json oci_resources(const api::Resources& resources) {
  nlohmann::json json = nlohmann::json::object();
  const auto put = [&](const char* key, nlohmann::json part) {
    if (!part.empty()) json[key] = std::move(part);
  };
  put("memory", memory(resources));
  put("cpu", cpu(resources));
  put("blockIO", block_io(resources));
  if (const auto limit = resources.pids_limit.value_or(0); limit != 0) {
    json["pids"] = {{"limit", limit < 0 ? -1 : limit}};
  }
  return json;
}

}  // namespace berth::container
