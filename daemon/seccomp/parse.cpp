#include <algorithm>
#include <cerrno>

#include <nlohmann/json.hpp>
#include <sys/utsname.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/seccomp/names.hpp"
#include "daemon/seccomp/profile.hpp"

namespace berth::seccomp {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorKind::kInvalidArgument, "seccomp profile: " + what);
}

const json* member(const json& object, const char* key) {
  if (!object.is_object())
    refuse("an object is expected where there is " + object.dump().substr(0, 40));
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text(const json& value, const char* key) {
  if (!value.is_string()) refuse(std::string("\"") + key + "\" must be a string");
  return value.get<std::string>();
}

std::uint64_t number(const json& value, const char* key) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  // JSON writers without unsigned 64-bit numbers write the upper half as negative ones.
  if (value.is_number_integer()) return static_cast<std::uint64_t>(value.get<std::int64_t>());
  refuse(std::string("\"") + key + "\" must be a whole number");
}

std::vector<std::string> texts(const json* value, const char* key) {
  std::vector<std::string> result;
  if (value == nullptr) return result;
  if (!value->is_array()) refuse(std::string("\"") + key + "\" must be an array of strings");
  for (const json& item : *value)
    result.push_back(text(item, key));
  return result;
}

std::uint32_t architecture(const std::string& name) {
  if (const auto token = architecture_of(name)) return *token;
  refuse("unknown architecture \"" + name + "\": must be a name such as \"SCMP_ARCH_X86_64\"");
}

std::uint32_t action(const json& object, const char* action_key, const char* errno_key) {
  const json* name = member(object, action_key);
  if (name == nullptr) refuse(std::string("\"") + action_key + "\" is missing");
  std::uint64_t error = EPERM;
  if (const json* value = member(object, errno_key)) error = number(*value, errno_key);
  if (error > 4095) refuse(std::string("\"") + errno_key + "\" must be an error number below 4096");
  const auto result = action_of(text(*name, action_key), static_cast<std::uint16_t>(error));
  if (!result) {
    refuse(
        "action \"" + text(*name, action_key) +
        "\" is not supported: must be SCMP_ACT_ALLOW, ERRNO, KILL, KILL_PROCESS, KILL_THREAD, LOG, "
        "TRACE or TRAP");
  }
  return *result;
}

scmp_arg_cmp argument(const json& object) {
  const auto required = [&](const char* key) {
    const json* value = member(object, key);
    if (value == nullptr) refuse(std::string("an argument has no \"") + key + "\"");
    return value;
  };
  static constexpr std::uint64_t kLastArgument = 5;
  const std::uint64_t index = number(*required("index"), "index");
  if (index > kLastArgument) refuse("\"index\" must be 0 to 5");
  const std::string name = text(*required("op"), "op");
  const auto comparison = comparison_of(name);
  if (!comparison)
    refuse("unknown comparison \"" + name + "\": must be a name such as \"SCMP_CMP_EQ\"");
  const std::uint64_t value = number(*required("value"), "value");
  const json* second = member(object, "valueTwo");
  return {static_cast<unsigned>(index), *comparison, value,
          second == nullptr ? 0 : number(*second, "valueTwo")};
}

/// "4.8" or newer is what runs here.
bool kernel_is_at_least(const std::string& wanted) {
  utsname name{};
  if (::uname(&name) != 0) return false;
  const auto version = [](std::string_view release) {
    const auto dot = release.find('.');
    std::string_view rest = dot == std::string_view::npos ? "0" : release.substr(dot + 1);
    rest = rest.substr(0, rest.find_first_not_of("0123456789"));
    return std::pair(parse_number<int>(release.substr(0, dot)), parse_number<int>(rest));
  };
  const auto asked = version(wanted);
  if (!asked.first || !asked.second)
    refuse("\"minKernel\" is \"" + wanted + "\": must be like \"4.8\"");
  return version(&name.release[0]) >= asked;
}

/// Docker's "includes" (all must hold) and "excludes" (none may).
bool applies(const json& entry, std::span<const std::string> capabilities,
             std::string_view machine) {
  const auto has = [&](const std::string& name) {
    return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
  };
  if (const json* includes = member(entry, "includes")) {
    const auto caps = texts(member(*includes, "caps"), "caps");
    if (!std::all_of(caps.begin(), caps.end(), has)) return false;
    const auto arches = texts(member(*includes, "arches"), "arches");
    if (!arches.empty() && std::find(arches.begin(), arches.end(), machine) == arches.end())
      return false;
    const json* kernel = member(*includes, "minKernel");
    if (kernel != nullptr && !kernel_is_at_least(text(*kernel, "minKernel"))) return false;
  }
  if (const json* excludes = member(entry, "excludes")) {
    const auto caps = texts(member(*excludes, "caps"), "caps");
    if (std::any_of(caps.begin(), caps.end(), has)) return false;
    const auto arches = texts(member(*excludes, "arches"), "arches");
    if (std::find(arches.begin(), arches.end(), machine) != arches.end()) return false;
    const json* kernel = member(*excludes, "minKernel");
    if (kernel != nullptr && kernel_is_at_least(text(*kernel, "minKernel"))) return false;
  }
  return true;
}

Rule rule(const json& entry) {
  Rule rule;
  rule.names = texts(member(entry, "names"), "names");
  if (const json* name = member(entry, "name"); name != nullptr && rule.names.empty()) {
    rule.names.push_back(text(*name, "name"));
  }
  if (rule.names.empty()) refuse("an entry of \"syscalls\" has no \"names\"");
  rule.action = action(entry, "action", "errnoRet");
  if (const json* args = member(entry, "args")) {
    if (!args->is_array()) refuse("\"args\" must be an array");
    for (const json& item : *args)
      rule.arguments.push_back(argument(item));
  }
  return rule;
}

std::vector<std::uint32_t> architectures(const json& profile) {
  std::vector<std::uint32_t> result;
  const json* map = member(profile, "archMap");
  const auto named = texts(member(profile, "architectures"), "architectures");
  if (map != nullptr && !map->empty() && !named.empty()) {
    refuse("\"architectures\" and \"archMap\" exclude each other: use either");
  }
  result.reserve(named.size());
  for (const std::string& name : named)
    result.push_back(architecture(name));
  if (map == nullptr) return result;
  if (!map->is_array()) refuse("\"archMap\" must be an array");
  for (const json& entry : *map) {
    const json* name = member(entry, "architecture");
    if (name == nullptr) refuse("an entry of \"archMap\" has no \"architecture\"");
    if (architecture(text(*name, "architecture")) != ::seccomp_arch_native()) continue;
    result.push_back(::seccomp_arch_native());
    for (const std::string& sub : texts(member(entry, "subArchitectures"), "subArchitectures")) {
      result.push_back(architecture(sub));
    }
  }
  return result;
}

}  // namespace

std::vector<std::uint32_t> native_architectures() {
  const std::uint32_t native = ::seccomp_arch_native();
  if (native == SCMP_ARCH_X86_64) return {native, SCMP_ARCH_X86, SCMP_ARCH_X32};
  if (native == SCMP_ARCH_AARCH64) return {native, SCMP_ARCH_ARM};
  return {native};
}

Profile parse_profile(const json& json_profile, std::span<const std::string> capabilities) {
  Profile profile;
  profile.default_action = action(json_profile, "defaultAction", "defaultErrnoRet");
  profile.architectures = architectures(json_profile);
  for (const char* key : {"flags", "listenerPath", "listenerMetadata"}) {
    const json* value = member(json_profile, key);
    if (value != nullptr && !value->empty())
      refuse(std::string("\"") + key + "\" is not supported: leave it out");
  }
  const std::string_view machine = docker_architecture(::seccomp_arch_native());
  const json* syscalls = member(json_profile, "syscalls");
  if (syscalls == nullptr) return profile;
  if (!syscalls->is_array()) refuse("\"syscalls\" must be an array");
  for (const json& entry : *syscalls) {
    if (applies(entry, capabilities, machine)) profile.rules.push_back(rule(entry));
  }
  return profile;
}

json to_json(const Profile& profile) {
  const auto put_action = [](json& object, const char* key, const char* errno_key,
                             std::uint32_t value) {
    object[key] = action_name(value);
    if (action_name(value) == "SCMP_ACT_ERRNO" || action_name(value) == "SCMP_ACT_TRACE") {
      object[errno_key] = value & 0xffffU;
    }
  };
  json result = json::object();
  put_action(result, "defaultAction", "defaultErrnoRet", profile.default_action);
  for (const std::uint32_t token : profile.architectures) {
    result["architectures"].push_back(architecture_name(token));
  }
  result["syscalls"] = json::array();
  for (const Rule& entry : profile.rules) {
    json object{{"names", entry.names}};
    put_action(object, "action", "errnoRet", entry.action);
    for (const scmp_arg_cmp& condition : entry.arguments) {
      object["args"].push_back({{"index", condition.arg},
                                {"value", condition.datum_a},
                                {"valueTwo", condition.datum_b},
                                {"op", comparison_name(condition.op)}});
    }
    result["syscalls"].push_back(std::move(object));
  }
  return result;
}

}  // namespace berth::seccomp
