#include "daemon/runtime/json_field.hpp"
#include "daemon/runtime/spec.hpp"
#include "daemon/runtime/spec_parts.hpp"

namespace berth::runtime {

namespace {

unsigned device_access(const JsonField& field) {
  unsigned access = 0;
  const std::string text = field.text();
  for (const char letter : text) {
    if (letter == 'r') {
      access |= DeviceRule::kRead;
    } else if (letter == 'w') {
      access |= DeviceRule::kWrite;
    } else if (letter == 'm') {
      access |= DeviceRule::kMknod;
    } else {
      field.refuse("letters out of \"rwm\"");
    }
  }
  if (access == 0) field.refuse("letters out of \"rwm\"");
  return access;
}

/// The specification writes "any" as an absent number or as -1.
std::optional<std::uint32_t> device_number(const JsonField& rule, const char* key) {
  const auto field = rule.find(key);
  if (!field) return std::nullopt;
  const auto number = field->number<std::int64_t>(-1, 0xffffffff);
  if (number < 0) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

DeviceRule device_rule(const JsonField& field) {
  DeviceRule rule;
  rule.allow = field.at("allow").boolean();
  const std::string type = field.text_or("type", "a");
  if (type != "a" && type != "b" && type != "c") field.at("type").refuse("\"a\", \"b\" or \"c\"");
  rule.type = type[0];
  rule.major = device_number(field, "major");
  rule.minor = device_number(field, "minor");
  if (const auto access = field.find("access"); access && !access->text().empty()) {
    rule.access = device_access(*access);
  }
  return rule;
}

MemoryResources memory(const JsonField& field) {
  MemoryResources memory;
  memory.limit = field.optional_number<std::int64_t>("limit");
  memory.reservation = field.optional_number<std::int64_t>("reservation");
  memory.swap = field.optional_number<std::int64_t>("swap");
  if (const auto swappiness = field.find("swappiness")) {
    memory.swappiness = swappiness->number<std::uint64_t>(0, 100);
  }
  memory.kernel_tcp = field.optional_number<std::int64_t>("kernelTCP");
  memory.disable_oom_killer = field.boolean_or("disableOOMKiller", false);
  return memory;
}

CpuResources cpu(const JsonField& field) {
  CpuResources cpu;
  cpu.shares = field.optional_number<std::uint64_t>("shares");
  cpu.quota = field.optional_number<std::int64_t>("quota");
  cpu.period = field.optional_number<std::uint64_t>("period");
  cpu.realtime_runtime = field.optional_number<std::int64_t>("realtimeRuntime");
  cpu.realtime_period = field.optional_number<std::uint64_t>("realtimePeriod");
  cpu.cpus = field.text_or("cpus", "");
  cpu.mems = field.text_or("mems", "");
  return cpu;
}

std::vector<BlockIoResources::Throttle> throttles(const JsonField& field, const char* key) {
  std::vector<BlockIoResources::Throttle> result;
  for (const JsonField& item : field.items_or_none(key)) {
    result.push_back({item.at("major").number<std::uint32_t>(),
                      item.at("minor").number<std::uint32_t>(),
                      item.at("rate").number<std::uint64_t>()});
  }
  return result;
}

BlockIoResources block_io(const JsonField& field) {
  BlockIoResources io;
  if (const auto weight = field.find("weight"); weight && weight->number<std::uint16_t>() != 0) {
    io.weight = weight->number<std::uint16_t>(10, 1000);
  }
  for (const JsonField& item : field.items_or_none("weightDevice")) {
    if (!item.find("weight")) continue;  // leafWeight alone: for a scheduler that is no more
    io.weight_device.push_back({item.at("major").number<std::uint32_t>(),
                                item.at("minor").number<std::uint32_t>(),
                                item.at("weight").number<std::uint16_t>(10, 1000)});
  }
  io.read_bps = throttles(field, "throttleReadBpsDevice");
  io.write_bps = throttles(field, "throttleWriteBpsDevice");
  io.read_iops = throttles(field, "throttleReadIOPSDevice");
  io.write_iops = throttles(field, "throttleWriteIOPSDevice");
  return io;
}

/// It becomes part of a file name: "2MB" and nothing that leads elsewhere.
std::string page_size(const JsonField& field) {
  std::string text = field.text();
  const auto digits = text.find_first_not_of("0123456789");
  const bool known =
      digits != std::string::npos && digits > 0 &&
      (text.substr(digits) == "KB" || text.substr(digits) == "MB" || text.substr(digits) == "GB");
  if (!known) field.refuse("a size such as \"2MB\" or \"1GB\"");
  return text;
}

}  // namespace

Resources read_resources(const JsonField& field) {
  Resources resources;
  for (const JsonField& item : field.items_or_none("devices")) {
    resources.devices.push_back(device_rule(item));
  }
  if (const auto part = field.find("memory")) resources.memory = memory(*part);
  if (const auto part = field.find("cpu")) resources.cpu = cpu(*part);
  if (const auto part = field.find("blockIO")) resources.block_io = block_io(*part);
  for (const JsonField& item : field.items_or_none("hugepageLimits")) {
    resources.hugepage_limits.push_back(
        {page_size(item.at("pageSize")), item.at("limit").number<std::uint64_t>()});
  }
  if (const auto pids = field.find("pids")) {
    resources.pids_limit = pids->at("limit").number<std::int64_t>();
  }
  return resources;
}

Resources parse_resources(std::string_view json) {
  const nlohmann::json document = parse_json(json, "the resources");
  return read_resources(JsonField(document, "resources"));
}

}  // namespace berth::runtime
