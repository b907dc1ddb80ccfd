#include "daemon/runtime/init_plan.hpp"

#include <algorithm>
#include <filesystem>

#include <linux/capability.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/runtime/devices.hpp"
#include "daemon/runtime/namespaces.hpp"

namespace berth::runtime {

namespace {

std::string normal(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().native();
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  return text;
}

void plan_mounts(const Spec& spec, InitPlan& plan) {
  for (const Mount& mount : spec.mounts) {
    PlannedMount planned;
    planned.mount = &mount;
    planned.options = parse_mount_options(mount);
    const bool cgroup = mount.type == "cgroup" || mount.type == "cgroup2";
    planned.kind = planned.options.bind ? PlannedMount::Kind::kBind
                   : cgroup             ? PlannedMount::Kind::kCgroup
                                        : PlannedMount::Kind::kFileSystem;
    if (!mount.source_namespace.empty() && planned.kind == PlannedMount::Kind::kBind) {
      planned.source_namespace = open_namespace(mount.source_namespace, NamespaceKind::kMount);
    }
    const std::string place = normal(mount.destination);
    if (place == "/") {
      throw Error(ErrorKind::kInvalidArgument,
                  "mount destination \"" + mount.destination + "\" is the root: must be below it");
    }
    if (place == "/dev") {
      planned.is_dev = planned.kind == PlannedMount::Kind::kFileSystem && mount.type == "tmpfs";
      plan.mounted_dev = planned.is_dev;
      plan.own_dev = planned.is_dev;
    }
    planned.is_proc = place == "/proc";
    planned.is_terminals = place == "/dev/pts" && mount.type == "devpts";
    plan.mounts.push_back(std::move(planned));
  }
}

void plan_namespaces(const Spec& spec, InitPlan& plan) {
  for (const Namespace& entry : spec.namespaces) {
    if (entry.kind == NamespaceKind::kPid) continue;
    if (entry.kind == NamespaceKind::kUser) {
      plan.makes_user_namespace = entry.path.empty();
      if (!entry.path.empty()) plan.user_namespace = open_namespace(entry.path, entry.kind);
      continue;
    }
    if (!entry.path.empty()) {
      plan.joins.push_back(
          {open_namespace(entry.path, entry.kind), clone_flag(entry.kind), entry.path});
    } else if (entry.kind == NamespaceKind::kCgroup) {
      plan.new_cgroup_namespace = true;
    } else {
      plan.new_namespaces |= clone_flag(entry.kind);
    }
  }
}

void plan_devices(const Spec& spec, InitPlan& plan) {
  if (!plan.in_user_namespace() || !plan.own_dev) return;
  for (const DeviceNode& node : default_devices())
    plan.devices.push_back({node.path, node.path, node.type, node.major, node.minor});
  for (const DeviceNode& node : spec.devices)
    plan.devices.push_back({node.path, node.host_path, node.type, node.major, node.minor});
}

void plan_cgroup(const Cgroup* cgroup, InitPlan& plan) {
  if (cgroup == nullptr) return;
  plan.has_cgroup = true;
  plan.join_files = cgroup->self_join_files();
  const CgroupLayout& layout = cgroup->layout();
  for (const CgroupHierarchy& hierarchy : layout.hierarchies) {
    CgroupView view;
    view.source = hierarchy.mount_point;
    if (layout.mode == CgroupLayout::Mode::kV1) {
      view.source += cgroup->path();
      view.name = std::filesystem::path(hierarchy.mount_point).filename().native();
      for (const std::string& controller : hierarchy.controllers) {
        if (controller != view.name) view.links.push_back(controller);
      }
    } else if (plan.new_cgroup_namespace) {
      view.source += cgroup->path();
    }
    plan.cgroup_views.push_back(std::move(view));
  }
}

CapabilityMask own_permitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  check_errno(::syscall(SYS_capget, &header, &data[0]), "capget");
  return static_cast<CapabilityMask>(data[1].permitted) << 32U | data[0].permitted;
}

void plan_capabilities(const Spec& spec, InitPlan& plan) {
  const int last = last_capability();
  plan.droppable =
      last >= 63 ? ~CapabilityMask{0} : (CapabilityMask{1} << static_cast<unsigned>(last + 1)) - 1;
  plan.capabilities = spec.process.capabilities;
  const CapabilityMask own = own_permitted();
  const CapabilityMask missing = (plan.capabilities.permitted | plan.capabilities.effective) & ~own;
  plan.capabilities.effective &= own;
  plan.capabilities.permitted &= own;
  plan.capabilities.inheritable &= own;
  plan.capabilities.ambient &= plan.capabilities.permitted & plan.capabilities.inheritable;
  if (missing == 0) return;
  std::string names;
  for (int number = 0; number <= last; ++number) {
    if ((missing >> static_cast<unsigned>(number) & 1U) == 0) continue;
    names += names.empty() ? "" : ", ";
    names += capability_name(number);
  }
  plan.warnings.push_back("the container does not get " + names +
                          ": the engine itself does not have it");
}

void plan_program(const Process& process, InitPlan& plan) {
  // execve(2) takes them as writable and does not write.
  const auto pointer = [](const std::string& text) { return const_cast<char*>(text.c_str()); };
  for (const std::string& argument : process.args)
    plan.arguments.push_back(pointer(argument));
  plan.arguments.push_back(nullptr);
  for (const std::string& entry : process.env) {
    plan.environment.push_back(pointer(entry));
    if (entry.starts_with("PATH=")) plan.search_path = entry.substr(5);
    if (entry.starts_with("HOME=")) plan.has_home = true;
  }
  plan.environment.push_back(nullptr);  // HOME's
  plan.environment.push_back(nullptr);
}

void check_filter(std::span<const std::byte> filter) {
  if (filter.size() % sizeof(sock_filter) == 0 &&
      filter.size() / sizeof(sock_filter) <= BPF_MAXINSNS)
    return;
  throw Error(ErrorKind::kInvalidArgument,
              "the seccomp filter has " + std::to_string(filter.size()) +
                  " bytes: must be at most 4096 instructions of 8 bytes");
}

}  // namespace

bool has_overlay_by_layers() {
  utsname name{};
  if (::uname(&name) != 0) return false;
  const std::string_view release(&name.release[0]);
  const auto dot = release.find('.');
  if (dot == std::string_view::npos) return false;
  const auto rest = release.substr(dot + 1);
  const auto major = parse_number<int>(release.substr(0, dot));
  const auto minor = parse_number<int>(rest.substr(0, rest.find_first_not_of("0123456789")));
  return major && minor && std::pair(*major, *minor) >= std::pair(6, 7);
}

InitPlan make_visit_plan(const LaunchDocument& document) {
  InitPlan plan;
  plan.spec = &document.oci;
  plan.rootfs = &document.rootfs;
  plan.legacy_overlay = !has_overlay_by_layers();
  plan_mounts(document.oci, plan);
  std::erase_if(plan.mounts, [](const PlannedMount& planned) {
    return planned.kind != PlannedMount::Kind::kBind;
  });
  return plan;
}

InitPlan make_process_plan(const Spec& spec, const LaunchOptions& options) {
  InitPlan plan;
  plan.spec = &spec;
  plan_capabilities(spec, plan);
  plan_program(spec.process, plan);
  check_filter(options.seccomp_filter);
  plan.seccomp_filter = options.seccomp_filter;
  plan.stdio[0] = options.standard_input;
  plan.stdio[1] = options.standard_output;
  plan.stdio[2] = options.standard_error;
  plan.die_with_parent = options.die_with_parent;
  return plan;
}

InitPlan make_init_plan(const LaunchDocument& document, const LaunchOptions& options,
                        const Cgroup* cgroup) {
  InitPlan plan = make_process_plan(document.oci, options);
  plan.rootfs = &document.rootfs;
  plan_mounts(document.oci, plan);
  plan_namespaces(document.oci, plan);
  plan_devices(document.oci, plan);
  plan_cgroup(cgroup, plan);
  plan.legacy_overlay = options.legacy_overlay || !has_overlay_by_layers();
  return plan;
}

}  // namespace berth::runtime
