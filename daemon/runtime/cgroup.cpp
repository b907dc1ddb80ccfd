#include "daemon/runtime/cgroup.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/runtime/cgroup_device_program.hpp"
#include "daemon/runtime/cgroup_files.hpp"
#include "daemon/runtime/cgroup_settings.hpp"

namespace berth::runtime {

namespace {

using Mode = CgroupLayout::Mode;

/// A cpuset without CPUs takes no process: give it its parent's, from the top down.
void fill_cpuset(int hierarchy, const std::string& relative) {
  const std::size_t slash = relative.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : relative.substr(0, slash);
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    if (!trim(read_control(hierarchy, relative + file)).empty()) continue;
    if (parent != "." && trim(read_control(hierarchy, parent + file)).empty()) {
      fill_cpuset(hierarchy, parent);
    }
    const std::string value(trim(read_control(hierarchy, parent + file)));
    if (const int error = write_control(hierarchy, relative + file, value); error != 0) {
      throw_errno("write", relative + file, error);
    }
  }
}

void create_v1_group(const CgroupHierarchy& hierarchy, const std::string& relative) {
  const auto& names = hierarchy.controllers;
  const bool cpuset = std::find(names.begin(), names.end(), "cpuset") != names.end();
  const int directory = hierarchy.directory.get();
  const int error = make_group(directory, relative, [&](const std::string& parent) {
    if (!cpuset || trim(read_control(directory, parent + "/cgroup.clone_children")) == "1") return;
    fill_cpuset(directory, parent);
    // From now on the kernel copies the CPUs into each new group below by itself.
    write_control(directory, parent + "/cgroup.clone_children", "1");
  });
  if (error != 0) throw_errno("mkdir", hierarchy.mount_point + "/" + relative, error);
  if (cpuset) fill_cpuset(directory, relative);
}

/// Switches on, for the groups below `parent`, every controller that is there and not yet on.
void enable_controllers(int hierarchy, const std::string& parent) {
  const std::string prefix = parent.empty() ? "" : parent + "/";
  const std::string available = read_control(hierarchy, prefix + "cgroup.controllers");
  const std::string enabled = read_control(hierarchy, prefix + "cgroup.subtree_control");
  const auto on = split(trim(enabled), ' ');
  for (const std::string_view name : split(trim(available), ' ')) {
    if (name.empty() || std::find(on.begin(), on.end(), name) != on.end()) continue;
    // One that cannot be switched on is missed by the limit that needs it, which says so.
    write_control(hierarchy, prefix + "cgroup.subtree_control", "+" + std::string(name));
  }
}

void create_v2_group(const CgroupHierarchy& hierarchy, const std::string& relative) {
  const int directory = hierarchy.directory.get();
  enable_controllers(directory, "");
  const int error = make_group(directory, relative, [&](const std::string& parent) {
    enable_controllers(directory, parent);
  });
  if (error != 0) throw_errno("mkdir", hierarchy.mount_point + "/" + relative, error);
}

void collect_processes(int directory, const std::string& relative, std::vector<pid_t>& all) {
  for (const pid_t pid : read_processes(directory, relative))
    all.push_back(pid);
  for (const std::string& name : child_groups(directory, relative)) {
    std::string child = relative;
    collect_processes(directory, child.append("/").append(name), all);
  }
}

std::string checked_relative(const std::string& path) {
  const auto bad = [&](const char* must_be) {
    throw Error(ErrorKind::kInvalidArgument,
                "cgroup path \"" + path + "\" is not usable: must be " + must_be);
  };
  if (!path.starts_with('/') || path.size() < 2) bad("absolute and not \"/\"");
  std::string relative;
  for (const std::string_view part : split(std::string_view(path).substr(1), '/')) {
    if (part.empty()) continue;
    if (part == "." || part == "..") bad("without \".\" and \"..\"");
    if (part.size() > 255) bad("made of names of at most 255 bytes");
    if (!relative.empty()) relative += '/';
    relative += part;
  }
  if (relative.empty()) bad("below the hierarchy's root");
  return relative;
}

}  // namespace

Cgroup::Cgroup(std::shared_ptr<const CgroupLayout> layout, std::string path)
    : layout_(std::move(layout)), path_(std::move(path)), relative_(checked_relative(path_)) {}

const CgroupHierarchy* Cgroup::main_hierarchy() const {
  if (layout_->hierarchies.empty()) return nullptr;
  const CgroupHierarchy* freezer = layout_->find("freezer");
  return freezer != nullptr ? freezer : &layout_->hierarchies.front();
}

std::vector<std::string> Cgroup::create(const Resources& resources) {
  try {
    for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
      if (layout_->mode == Mode::kV1) create_v1_group(hierarchy, relative_);
      if (layout_->mode == Mode::kV2) create_v2_group(hierarchy, relative_);
    }
    return update(resources);
  } catch (...) {
    remove(std::chrono::milliseconds(0));
    throw;
  }
}

std::vector<std::string> Cgroup::update(const Resources& resources) {
  std::vector<std::string> warnings;
  const bool v2 = layout_->mode == Mode::kV2;
  const auto directory_of = [&](std::string_view controller) {
    const CgroupHierarchy* hierarchy = layout_->find(controller);
    return hierarchy == nullptr ? -1 : hierarchy->directory.get();
  };
  const auto settings = v2 ? v2_settings(resources, warnings) : v1_settings(resources);
  apply_settings(settings, relative_, directory_of, warnings);
  if (v2 && !allows_every_device(resources.devices)) {
    const Fd group =
        open_at(layout_->hierarchies.front().directory.get(), relative_, O_RDONLY | O_DIRECTORY);
    attach_device_program(group.get(), resources.devices);
  }
  return warnings;
}

void Cgroup::add(pid_t process) {
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
    const std::string file = relative_ + "/cgroup.procs";
    const int error = write_control(hierarchy.directory.get(), file, std::to_string(process));
    if (error != 0) throw_errno("write", hierarchy.mount_point + "/" + file, error);
  }
}

std::vector<std::string> Cgroup::self_join_files() const {
  std::vector<std::string> files;
  if (layout_->mode != Mode::kV1) return files;
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
    files.push_back(hierarchy.mount_point + "/" + relative_ + "/tasks");
  }
  return files;
}

Fd Cgroup::clone_target() const {
  if (layout_->mode != Mode::kV2) return Fd();
  return open_at(layout_->hierarchies.front().directory.get(), relative_, O_PATH | O_DIRECTORY);
}

bool Cgroup::exists() const {
  return std::any_of(layout_->hierarchies.begin(), layout_->hierarchies.end(),
                     [&](const CgroupHierarchy& hierarchy) {
                       return ::faccessat(hierarchy.directory.get(), relative_.c_str(), F_OK,
                                          AT_SYMLINK_NOFOLLOW) == 0;
                     });
}

std::vector<pid_t> Cgroup::processes() const {
  std::vector<pid_t> all;
  if (const CgroupHierarchy* hierarchy = main_hierarchy()) {
    collect_processes(hierarchy->directory.get(), relative_, all);
  }
  return all;
}

std::uint64_t Cgroup::oom_kills() const {
  const CgroupHierarchy* memory = layout_->find("memory");
  if (memory == nullptr) return 0;
  const char* file = layout_->mode == Mode::kV2 ? "/memory.events" : "/memory.oom_control";
  return read_keyed_number(memory->directory.get(), relative_ + file, "oom_kill");
}

Fd Cgroup::watch_oom() const {
  const CgroupHierarchy* memory = layout_->find("memory");
  if (memory == nullptr) return Fd();
  if (layout_->mode == Mode::kV2) {
    Fd watch = own_fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify_init1");
    const std::string file = memory->mount_point + "/" + relative_ + "/memory.events";
    check_errno(::inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY), "inotify_add_watch",
                file);
    return watch;
  }
  const int directory = memory->directory.get();
  Fd event = own_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  const Fd control = open_at(directory, relative_ + "/memory.oom_control", O_RDONLY);
  const int error =
      write_control(directory, relative_ + "/cgroup.event_control",
                    std::to_string(event.get()) + " " + std::to_string(control.get()));
  if (error != 0) throw_errno("write", relative_ + "/cgroup.event_control", error);
  return event;
}

}  // namespace berth::runtime
