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
#include "daemon/container/propagation.hpp"
#include "daemon/container/spec_defaults.hpp"
#include "daemon/container/tmpfs_options.hpp"
#include "daemon/volume/service.hpp"

namespace berth::container {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
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

/// Of files that the engine made: their owners are those of the container's.
std::vector<std::string> own_file_options(const SpecInput& input, const std::string& access) {
  std::vector<std::string> options = {"rbind", "rprivate", access};
  if (has_user_namespace(input.definition.host_config, input.settings.user_mapping))
    options.emplace_back("idmap");
  return options;
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

/// Words that say something to other engines' volumes, or to other kernels than Linux.
bool is_without_effect(const std::string& option) {
  static const std::set<std::string_view> kWords = {
      "z", "Z", "nocopy", "copy", "rw", "consistent", "cached", "delegated", "default"};
  return kWords.contains(option);
}

json bind_mount(const Bind& bind, const api::BindOptions& how) {
  std::vector<std::string> options = {how.non_recursive ? "bind" : "rbind"};
  for (const std::string& option : bind.options) {
    if (is_without_effect(option)) continue;
    // What is mounted below is as read-only as what it is mounted on, unless asked otherwise.
    options.push_back(option == "ro" && !how.read_only_non_recursive ? "rro" : option);
  }
  if (propagation_of(bind.options).empty()) options.emplace_back("rprivate");
  return mount(bind.destination, "bind", bind.source, std::move(options));
}

json tmpfs_mount(const std::string& destination, const std::string& text) {
  return mount(destination, "tmpfs", "tmpfs", tmpfs_options(text));
}

json api_mount(const api::Mount& wanted) {
  if (wanted.type == "tmpfs") return tmpfs_mount(wanted.target, tmpfs_text(wanted));
  const api::BindOptions how = wanted.bind_options.value_or(api::BindOptions{});
  Bind bind{wanted.source, wanted.target, {}};
  if (wanted.read_only) bind.options.emplace_back("ro");
  if (!how.propagation.empty()) bind.options.push_back(how.propagation);
  return bind_mount(bind, how);
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

[[noreturn]] void refuse_mount(const api::Mount& wanted, const std::string& reason) {
  refuse("invalid mount config for type \"" + wanted.type + "\": " + reason);
}

/// Options that belong to another type of mount.
void check_options(const api::Mount& wanted) {
  const auto only_for = [&](const char* type, const char* field, bool given) {
    if (given && wanted.type != type)
      refuse_mount(wanted, std::string("field ") + field + " must not be specified");
  };
  only_for("bind", "BindOptions", wanted.bind_options.has_value());
  only_for("volume", "VolumeOptions", wanted.volume_options.has_value());
  only_for("image", "ImageOptions", wanted.image_options.has_value());
  only_for("tmpfs", "TmpfsOptions", wanted.tmpfs_options.has_value());
}

void check_bind(const api::Mount& wanted) {
  if (wanted.source.empty()) refuse_mount(wanted, "field Source must not be empty");
  if (!wanted.source.starts_with('/')) {
    refuse_mount(wanted, "invalid mount path: '" + wanted.source + "' mount path must be absolute");
  }
  const api::BindOptions how = wanted.bind_options.value_or(api::BindOptions{});
  if (!how.propagation.empty() && !is_propagation(how.propagation))
    refuse_mount(wanted, "invalid propagation mode: " + how.propagation);
  if (how.read_only_non_recursive && how.read_only_force_recursive) {
    refuse_mount(wanted, "mount options conflict: ReadOnlyNonRecursive and ReadOnlyForceRecursive");
  }
  if ((how.read_only_non_recursive || how.read_only_force_recursive) && !wanted.read_only) {
    refuse_mount(wanted, "ReadOnlyNonRecursive and ReadOnlyForceRecursive need ReadOnly");
  }
  struct stat status{};
  if (::stat(wanted.source.c_str(), &status) != 0 && !how.create_mountpoint)
    refuse_mount(wanted, "bind source path does not exist: " + wanted.source);
}

void check_volume(const api::Mount& wanted) {
  if (!wanted.source.empty()) volume::check_name(wanted.source);
  const api::VolumeOptions how = wanted.volume_options.value_or(api::VolumeOptions{});
  if (!how.subpath.empty()) {
    throw Error(ErrorKind::kNotImplemented,
                "subpaths of volumes are not supported: mount the whole volume");
  }
  if (!how.driver_config) return;
  volume::check_driver(how.driver_config->name);
  if (!how.driver_config->options.empty()) {
    throw Error(ErrorKind::kNotImplemented,
                "options of the local volume driver are not supported yet");
  }
}

void check_mount(const api::Mount& wanted) {
  if (wanted.target.empty()) refuse_mount(wanted, "field Target must not be empty");
  if (wanted.type == "cluster" || wanted.type == "image" || wanted.type == "npipe") {
    throw Error(ErrorKind::kNotImplemented, "mounts of type \"" + wanted.type +
                                                "\" are not supported: use bind, volume or tmpfs");
  }
  if (wanted.type != "bind" && wanted.type != "tmpfs" && wanted.type != "volume") {
    refuse_mount(wanted, "mount type unknown: must be bind, volume or tmpfs");
  }
  check_options(wanted);
  if (wanted.type == "bind") return check_bind(wanted);
  if (wanted.type == "volume") return check_volume(wanted);
  if (!wanted.source.empty()) refuse_mount(wanted, "field Source must not be specified");
  tmpfs_options(tmpfs_text(wanted));
}

/// The third part of a -v. One word at most of each sort: how it is written to, how it propagates,
/// and so on.
std::vector<std::string> bind_options(const std::string& mode) {
  static const std::map<std::string_view, int> kSorts = {
      {"ro", 0},   {"rw", 0},         {"z", 1},      {"Z", 1},         {"nocopy", 2},
      {"copy", 2}, {"consistent", 3}, {"cached", 3}, {"delegated", 3}, {"default", 3}};
  constexpr int kPropagation = 4;
  std::set<int> seen;
  std::vector<std::string> options;
  for (const std::string_view option : split(mode, ',')) {
    const auto known = kSorts.find(option);
    const bool valid = known != kSorts.end() || is_propagation(option);
    const int sort = known != kSorts.end() ? known->second : kPropagation;
    if (!valid || !seen.insert(sort).second) refuse("invalid mode: " + mode);
    options.emplace_back(option);
  }
  return options;
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
  if (bind.is_volume()) volume::check_name(bind.source);
  if (parts.size() == 3) bind.options = bind_options(std::string(parts[2]));
  if (bind.is_volume() && !propagation_of(bind.options).empty())
    refuse("invalid mode: " + join(bind.options, ","));
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
  for (const auto& [destination, options] : host_config.tmpfs) {
    check_destination(destination, destinations);
    tmpfs_options(options);
  }
}

json oci_mounts(const SpecInput& input) {
  const api::HostConfig& host_config = input.definition.host_config;
  json user_mounts = json::array();
  for (const char* file : {"resolv.conf", "hostname", "hosts"}) {
    const std::string access = host_config.readonly_rootfs ? "ro" : "rw";
    user_mounts.push_back(mount(std::string("/etc/") + file, "bind", (input.folder / file).native(),
                                own_file_options(input, access)));
  }
  for (const std::string& text : host_config.binds) {
    const Bind bind = parse_bind(text);
    if (!bind.is_volume()) user_mounts.push_back(bind_mount(bind, {}));
  }
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.type != "volume") user_mounts.push_back(api_mount(wanted));
  }
  for (const VolumeMount& volume : input.definition.volumes) {
    user_mounts.push_back(mount(volume.destination, "bind", volume.source,
                                own_file_options(input, volume.read_only ? "ro" : "rw")));
  }
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
  for (const std::string& text : host_config.binds) {
    const Bind bind = parse_bind(text);
    if (!bind.is_volume()) create(bind.source);
  }
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.type == "bind" && wanted.bind_options && wanted.bind_options->create_mountpoint) {
      create(wanted.source);
    }
  }
}

}  // namespace berth::container
