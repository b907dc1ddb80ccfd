#include <algorithm>
#include <array>

#include <sys/mount.h>

#include "daemon/runtime/spec_parts.hpp"

namespace berth::runtime {

namespace {

struct NamespaceName {
  std::string_view name;
  NamespaceKind kind;
};
constexpr std::array<NamespaceName, 7> kNamespaces = {{{"pid", NamespaceKind::kPid},
                                                       {"network", NamespaceKind::kNetwork},
                                                       {"mount", NamespaceKind::kMount},
                                                       {"ipc", NamespaceKind::kIpc},
                                                       {"uts", NamespaceKind::kUts},
                                                       {"cgroup", NamespaceKind::kCgroup},
                                                       {"user", NamespaceKind::kUser}}};

Namespace read_namespace(const JsonField& field) {
  const std::string type = field.at("type").text();
  const auto* const known =
      std::find_if(kNamespaces.begin(), kNamespaces.end(),
                   [&](const NamespaceName& entry) { return type == entry.name; });
  if (known == kNamespaces.end()) {
    field.at("type").refuse("one of pid, network, mount, ipc, uts, cgroup, user");
  }
  Namespace result{known->kind, {}};
  if (const auto path = field.find("path"); path && !path->text().empty()) {
    result.path = absolute_path(*path);
  }
  if (result.kind == NamespaceKind::kMount && !result.path.empty()) {
    field.at("path").refuse("absent: a container's mount namespace is always its own");
  }
  return result;
}

DeviceNode device(const JsonField& field) {
  DeviceNode node;
  node.path = absolute_path(field.at("path"));
  const std::string type = field.at("type").text();
  if (type != "c" && type != "u" && type != "b" && type != "p") {
    field.at("type").refuse("\"c\", \"u\", \"b\" or \"p\"");
  }
  node.type = type == "u" ? 'c' : type[0];
  if (node.type != 'p') {
    node.major = field.at("major").number<std::uint32_t>(0, 0xfff);
    node.minor = field.at("minor").number<std::uint32_t>(0, 0xfffff);
  }
  if (const auto mode = field.find("fileMode")) node.mode = mode->number<std::uint32_t>() & 07777U;
  node.uid = field.number_or<std::uint32_t>("uid", 0);
  node.gid = field.number_or<std::uint32_t>("gid", 0);
  if (const auto path = field.find("hostPath")) node.host_path = absolute_path(*path);
  return node;
}

std::uint64_t propagation(const JsonField& field) {
  const std::string text = field.text();
  if (text == "private") return MS_PRIVATE;
  if (text == "rprivate" || text.empty()) return MS_REC | MS_PRIVATE;
  if (text == "slave") return MS_SLAVE;
  if (text == "rslave") return MS_REC | MS_SLAVE;
  if (text == "shared") return MS_SHARED;
  if (text == "rshared") return MS_REC | MS_SHARED;
  if (text == "unbindable") return MS_UNBINDABLE;
  if (text == "runbindable") return MS_REC | MS_UNBINDABLE;
  field.refuse("one of private, rprivate, slave, rslave, shared, rshared, unbindable, runbindable");
}

void check_namespace_list(const JsonField& field, const std::vector<Namespace>& list) {
  const auto count = [&](NamespaceKind kind) {
    return std::count_if(list.begin(), list.end(),
                         [&](const Namespace& entry) { return entry.kind == kind; });
  };
  for (const NamespaceName& entry : kNamespaces) {
    if (count(entry.kind) > 1) field.refuse("a list with each type at most once");
  }
  if (count(NamespaceKind::kMount) != 1) field.refuse("a list with a new \"mount\" namespace");
}

IdRanges mappings(const JsonField& field, const char* key) {
  IdRanges result;
  for (const JsonField& item : field.items_or_none(key)) {
    result.push_back({item.at("containerID").number<std::uint32_t>(),
                      item.at("hostID").number<std::uint32_t>(),
                      item.at("size").number<std::uint32_t>(1)});
  }
  return result;
}

void read_mappings(const JsonField& field, Spec& spec) {
  spec.uid_mappings = mappings(field, "uidMappings");
  spec.gid_mappings = mappings(field, "gidMappings");
  if (spec.find_namespace(NamespaceKind::kUser) == nullptr) return;
  if (!host_id(spec.uid_mappings, 0)) field.refuse("an object with uidMappings that map 0");
  if (!host_id(spec.gid_mappings, 0)) field.refuse("an object with gidMappings that map 0");
}

/// config.md, "sysctl": in either notation the separators are told apart by which comes first.
std::string with_slashes(std::string key) {
  const auto first = key.find_first_of("./");
  if (first == std::string::npos || key[first] == '/') return key;
  for (char& letter : key) {
    letter = letter == '.' ? '/' : letter == '/' ? '.' : letter;
  }
  return key;
}

}  // namespace

const Namespace* Spec::find_namespace(NamespaceKind kind) const {
  for (const Namespace& entry : namespaces) {
    if (entry.kind == kind) return &entry;
  }
  return nullptr;
}

bool Spec::has_new_namespace(NamespaceKind kind) const {
  const Namespace* entry = find_namespace(kind);
  return entry != nullptr && entry->path.empty();
}

void check_sysctls(const Spec& spec) {
  static constexpr std::array<std::string_view, 7> kIpcKeys = {
      "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
      "kernel/shmall", "kernel/shmmax", "kernel/shmmni"};
  for (const auto& [key, value] : spec.sysctl) {
    const auto parts_ok = key.find("//") == std::string::npos && !key.starts_with('/') &&
                          ("/" + key + "/").find("/../") == std::string::npos &&
                          ("/" + key + "/").find("/./") == std::string::npos;
    const bool ipc = key == "kernel/shm_rmid_forced" || key.starts_with("fs/mqueue/") ||
                     std::find(kIpcKeys.begin(), kIpcKeys.end(), key) != kIpcKeys.end();
    // What a joined network gets would change another container, or the host.
    const bool own = (key.starts_with("net/") && spec.has_new_namespace(NamespaceKind::kNetwork)) ||
                     (ipc && spec.has_new_namespace(NamespaceKind::kIpc)) ||
                     (key == "kernel/domainname" && spec.has_new_namespace(NamespaceKind::kUts));
    if (!parts_ok || !own) {
      throw Error(ErrorKind::kInvalidArgument,
                  "sysctl \"" + key +
                      "\" is not allowed: must belong to a namespace that is the "
                      "container's own");
    }
  }
}

void read_linux(const JsonField& field, Spec& spec) {
  for (const JsonField& item : field.items_or_none("namespaces")) {
    spec.namespaces.push_back(read_namespace(item));
  }
  check_namespace_list(field.at("namespaces"), spec.namespaces);
  read_mappings(field, spec);
  for (const JsonField& item : field.items_or_none("maskedPaths")) {
    spec.masked_paths.push_back(absolute_path(item));
  }
  for (const JsonField& item : field.items_or_none("readonlyPaths")) {
    spec.readonly_paths.push_back(absolute_path(item));
  }
  spec.cgroups_path = field.text_or("cgroupsPath", "");
  if (!spec.cgroups_path.empty() && spec.cgroups_path[0] != '/') spec.cgroups_path.insert(0, "/");
  if (const auto part = field.find("resources")) spec.resources = read_resources(*part);
  if (const auto part = field.find("sysctl")) {
    for (auto& [key, value] : part->text_map())
      spec.sysctl.emplace(with_slashes(key), value);
  }
  for (const JsonField& item : field.items_or_none("devices")) {
    spec.devices.push_back(device(item));
  }
  spec.root_propagation = MS_REC | MS_PRIVATE;
  if (const auto part = field.find("rootfsPropagation")) spec.root_propagation = propagation(*part);
}

}  // namespace berth::runtime
