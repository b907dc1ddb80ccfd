#include "daemon/container/mounts.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"
#include "daemon/container/spec_defaults.hpp"

namespace berth::container {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kPropagations = {"private", "rprivate", "shared",
                                                           "rshared", "slave",    "rslave"};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

bool is_propagation(std::string_view word) {
  return std::find(kPropagations.begin(), kPropagations.end(), word) != kPropagations.end();
}

json mount(std::string_view destination, std::string_view type, std::string_view source,
           std::vector<std::string> options) {
  return {{"destination", destination},
          {"type", type},
          {"source", source},
          {"options", std::move(options)}};
}

std::int64_t shm_size(const SpecInput& input) {
  const auto asked = input.definition.host_config.shm_size;
  return asked > 0 ? asked : input.settings.shm_size;
}

json system_mounts(const SpecInput& input) {
  const api::HostConfig& host_config = input.definition.host_config;
  const std::string sys_access = host_config.privileged ? "rw" : "ro";
  json mounts = json::array();
  mounts.push_back(mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  mounts.push_back(
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
  mounts.push_back(mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", sys_access}));
  mounts.push_back(
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {sys_access, "nosuid", "noexec", "nodev"}));
  mounts.push_back(mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  if (input.joined.ipc > 0) {
    json shared =
        mount("/dev/shm", "bind", "/dev/shm", {"rbind", "rprivate", "nosuid", "noexec", "nodev"});
    shared["sourceNamespace"] = namespace_path(input.joined.ipc, "mnt");
    mounts.push_back(std::move(shared));
  } else if (host_config.ipc_mode == "host") {
    mounts.push_back(mount("/dev/shm", "bind", "/dev/shm", {"rbind", "rprivate"}));
  } else if (host_config.ipc_mode != "none") {
    mounts.push_back(mount(
        "/dev/shm", "tmpfs", "shm",
        {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(shm_size(input))}));
  }
  return mounts;
}

/// Read-only by the mount itself: what runs from it cannot be written to through /proc/1/exe either
/// (CVE-2019-5736).
json init_mount(const Settings& settings) {
  if (settings.init_program.empty()) {
    throw Error(ErrorKind::kNotFound,
                "cannot find berth-init, which containers with Init need: install it beside "
                "berth-shim, or set init-path");
  }
  return mount(kInitPath, "bind", settings.init_program.native(),
               {"bind", "rprivate", "ro", "nosuid", "nodev"});
}

json bind_mount(const Bind& bind) {
  std::vector<std::string> options = {"rbind"};
  bool has_propagation = false;
  for (const std::string& option : bind.options) {
    if (option == "z" || option == "Z" || option == "nocopy" || option == "copy") continue;
    has_propagation = has_propagation || is_propagation(option);
    options.push_back(option);
  }
  if (!has_propagation) options.emplace_back("rprivate");
  return mount(bind.destination, "bind", bind.source, std::move(options));
}

json tmpfs_mount(const std::string& destination, const std::string& text) {
  std::vector<std::string> options = {"noexec", "nosuid", "nodev"};
  for (const std::string_view option : split(text, ',')) {
    if (option.empty()) continue;
    if (option == "exec" || option == "suid" || option == "dev") {
      std::erase(options, "no" + std::string(option));
    }
    options.emplace_back(option);
  }
  return mount(destination, "tmpfs", "tmpfs", std::move(options));
}

json api_mount(const api::Mount& wanted) {
  if (wanted.type == "tmpfs") {
    std::string options;
    if (wanted.tmpfs_options) {
      const auto& tmpfs = *wanted.tmpfs_options;
      if (tmpfs.size_bytes > 0) options += "size=" + std::to_string(tmpfs.size_bytes) + ",";
      if (tmpfs.mode > 0) {
        std::array<char, 16> octal{};
        std::snprintf(octal.data(), octal.size(), "mode=%o,", static_cast<unsigned>(tmpfs.mode));
        options += octal.data();
      }
    }
    if (wanted.read_only) options += "ro";
    return tmpfs_mount(wanted.target, options);
  }
  Bind bind{wanted.source, wanted.target, {}};
  if (wanted.read_only) bind.options.emplace_back("ro");
  if (wanted.bind_options && !wanted.bind_options->propagation.empty()) {
    bind.options.push_back(wanted.bind_options->propagation);
  }
  return bind_mount(bind);
}

/// A mount of /a must come before one of /a/b; equals keep their order.
json sorted_by_depth(json mounts) {
  std::multimap<std::ptrdiff_t, json> by_depth;
  for (json& entry : mounts) {
    const auto& destination = entry.at("destination").get_ref<const std::string&>();
    const auto depth = std::count(destination.begin(), destination.end(), '/');
    by_depth.emplace(depth, std::move(entry));
  }
  json sorted = json::array();
  for (auto& [depth, entry] : by_depth)
    sorted.push_back(std::move(entry));
  return sorted;
}

void check_destination(const std::string& destination, std::set<std::string>& seen) {
  if (!destination.starts_with('/')) {
    refuse("invalid mount path: \"" + destination + "\" mount path must be absolute");
  }
  const std::string clean = std::filesystem::path(destination).lexically_normal().native();
  if (clean == "/") refuse("invalid mount: destination can't be \"/\"");
  if (!seen.insert(clean).second) refuse("Duplicate mount point: " + destination);
}

void check_mount(const api::Mount& wanted) {
  if (wanted.type == "volume" || wanted.type == "cluster" || wanted.type == "image" ||
      wanted.type == "npipe") {
    throw Error(ErrorKind::kNotImplemented,
                "mounts of type \"" + wanted.type + "\" are not supported: use bind or tmpfs");
  }
  if (wanted.type != "bind" && wanted.type != "tmpfs") {
    refuse("mount type unknown: \"" + wanted.type + "\": must be bind or tmpfs");
  }
  if (wanted.type == "tmpfs") return;
  if (!wanted.source.starts_with('/')) {
    refuse("invalid mount config for type \"bind\": invalid mount path: \"" + wanted.source +
           "\" mount path must be absolute");
  }
  struct stat status{};
  if (::stat(wanted.source.c_str(), &status) != 0 &&
      !(wanted.bind_options && wanted.bind_options->create_mountpoint)) {
    refuse("invalid mount config for type \"bind\": bind source path does not exist: " +
           wanted.source);
  }
}

}  // namespace

Bind parse_bind(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty()) {
    refuse("invalid volume specification: \"" + text + "\": must be source:destination[:options]");
  }
  Bind bind{std::string(parts[0]), std::string(parts[1]), {}};
  if (!bind.destination.starts_with('/')) {
    refuse("invalid volume specification: \"" + text +
           "\": invalid mount config: the destination must be absolute");
  }
  if (!bind.source.starts_with('/') && !is_valid_name(bind.source)) {
    refuse("\"" + bind.source +
           "\" includes invalid characters for a local volume name, only "
           "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" "
           "are allowed. If you intended to pass a host directory, use absolute path");
  }
  if (!bind.source.starts_with('/')) {
    throw Error(ErrorKind::kNotImplemented, "named volumes are not supported: \"" + bind.source +
                                                "\" in \"" + text + "\" must be an absolute path");
  }
  static const std::set<std::string_view> kWords = {"ro", "rw", "z", "Z", "nocopy", "copy"};
  if (parts.size() == 3) {
    for (const std::string_view option : split(parts[2], ',')) {
      if (!kWords.contains(option) && !is_propagation(option)) {
        refuse("invalid mode: " + std::string(parts[2]) + " in \"" + text + "\"");
      }
      bind.options.emplace_back(option);
    }
  }
  return bind;
}

void check_mounts(const api::HostConfig& host_config) {
  std::set<std::string> destinations;
  for (const std::string& text : host_config.binds)
    check_destination(parse_bind(text).destination, destinations);
  for (const api::Mount& wanted : host_config.mounts) {
    check_mount(wanted);
    check_destination(wanted.target, destinations);
  }
  for (const auto& [destination, options] : host_config.tmpfs)
    check_destination(destination, destinations);
}

json oci_mounts(const SpecInput& input) {
  const api::HostConfig& host_config = input.definition.host_config;
  json user_mounts = json::array();
  for (const char* file : {"resolv.conf", "hostname", "hosts"}) {
    const std::string access = host_config.readonly_rootfs ? "ro" : "rw";
    user_mounts.push_back(mount(std::string("/etc/") + file, "bind", (input.folder / file).native(),
                                {"rbind", "rprivate", access}));
  }
  for (const std::string& text : host_config.binds)
    user_mounts.push_back(bind_mount(parse_bind(text)));
  for (const api::Mount& wanted : host_config.mounts)
    user_mounts.push_back(api_mount(wanted));
  for (const auto& [destination, options] : host_config.tmpfs) {
    user_mounts.push_back(tmpfs_mount(destination, options));
  }
  user_mounts = sorted_by_depth(std::move(user_mounts));

  // The user's own mount wins over ours at the same place.
  std::set<std::string> taken;
  for (const json& entry : user_mounts)
    taken.insert(entry.at("destination").get<std::string>());
  json mounts = json::array();
  for (json& entry : system_mounts(input)) {
    if (!taken.contains(entry.at("destination").get<std::string>()))
      mounts.push_back(std::move(entry));
  }
  for (json& entry : user_mounts)
    mounts.push_back(std::move(entry));
  if (has_init(host_config, input.settings)) mounts.push_back(init_mount(input.settings));
  return mounts;
}

void create_bind_sources(const api::HostConfig& host_config) {
  const auto create = [](const std::string& source) {
    std::error_code error;
    if (std::filesystem::exists(source, error)) return;
    std::filesystem::create_directories(source, error);
    if (error) {
      throw Error(ErrorKind::kInvalidArgument,
                  "cannot create the bind source \"" + source + "\": " + error.message());
    }
  };
  for (const std::string& text : host_config.binds)
    create(parse_bind(text).source);
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.type == "bind" && wanted.bind_options && wanted.bind_options->create_mountpoint) {
      create(wanted.source);
    }
  }
}

}  // namespace berth::container
