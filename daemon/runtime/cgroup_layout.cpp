#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::runtime {

namespace {

constexpr std::array<std::string_view, 13> kControllers = {
    "cpu",  "cpuacct", "cpuset",  "memory",   "devices",    "freezer", "blkio",
    "pids", "hugetlb", "net_cls", "net_prio", "perf_event", "rdma"};

/// proc_pid_mountinfo(5): blanks, tabs, line ends and backslashes are written in octal.
std::string unescape(std::string_view text) {
  std::string result;
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text[index] == '\\' && index + 3 < text.size() && is_octal(text[index + 1]) &&
        is_octal(text[index + 2]) && is_octal(text[index + 3])) {
      const int code =
          (text[index + 1] - '0') * 64 + (text[index + 2] - '0') * 8 + (text[index + 3] - '0');
      result += static_cast<char>(code);
      index += 3;
    } else {
      result += text[index];
    }
  }
  return result;
}

struct MountLine {
  std::string mount_point;
  std::string_view type;
  std::string_view super_options;
};

std::optional<MountLine> parse_line(std::string_view line) {
  const std::size_t separator = line.find(" - ");
  if (separator == std::string_view::npos) return std::nullopt;
  const auto tail = split(line.substr(separator + 3), ' ');
  if (tail.size() < 3 || !tail[0].starts_with("cgroup")) return std::nullopt;
  const auto head = split(line.substr(0, separator), ' ');
  if (head.size() < 6) return std::nullopt;
  return MountLine{unescape(head[4]), tail[0], tail[2]};
}

Fd open_hierarchy(const std::string& path) {
  return open_file(path, O_PATH | O_DIRECTORY);
}

bool has_controller(const CgroupLayout& layout, std::string_view controller) {
  return layout.find(controller) != nullptr;
}

void add_v1(CgroupLayout& layout, const MountLine& line, const std::string& root) {
  CgroupHierarchy hierarchy;
  for (const std::string_view option : split(line.super_options, ',')) {
    if (option.starts_with("name=")) hierarchy.name = option.substr(5);
    if (std::find(kControllers.begin(), kControllers.end(), option) != kControllers.end()) {
      hierarchy.controllers.emplace_back(option);
    }
  }
  // A hierarchy may be mounted at several places: the first is as good as any.
  const bool known =
      hierarchy.controllers.empty()
          ? std::any_of(layout.hierarchies.begin(), layout.hierarchies.end(),
                        [&](const CgroupHierarchy& other) { return other.name == hierarchy.name; })
          : has_controller(layout, hierarchy.controllers.front());
  if (known || (hierarchy.controllers.empty() && hierarchy.name.empty())) return;
  hierarchy.mount_point = root + line.mount_point;
  hierarchy.directory = open_hierarchy(hierarchy.mount_point);
  layout.hierarchies.push_back(std::move(hierarchy));
}

CgroupHierarchy make_v2(const std::string& mount_point) {
  CgroupHierarchy hierarchy;
  hierarchy.mount_point = mount_point;
  hierarchy.directory = open_hierarchy(mount_point);
  const std::string controllers = read_file(mount_point + "/cgroup.controllers", 4096);
  for (const std::string_view name : split(trim(controllers), ' ')) {
    if (!name.empty()) hierarchy.controllers.emplace_back(name);
  }
  return hierarchy;
}

}  // namespace

const CgroupHierarchy* CgroupLayout::find(std::string_view controller) const {
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    const auto& names = hierarchy.controllers;
    if (std::find(names.begin(), names.end(), controller) != names.end()) return &hierarchy;
  }
  return nullptr;
}

std::shared_ptr<const CgroupLayout> detect_cgroups_in(std::string_view mountinfo,
                                                      const std::string& root) {
  auto layout = std::make_shared<CgroupLayout>();
  std::string unified;
  for (const std::string_view text : split(mountinfo, '\n')) {
    const auto line = parse_line(text);
    if (!line) continue;
    if (line->type == "cgroup2") {
      if (unified.empty()) unified = root + line->mount_point;
    } else if (line->type == "cgroup") {
      add_v1(*layout, *line, root);
    }
  }
  const bool has_v1_controller =
      std::any_of(layout->hierarchies.begin(), layout->hierarchies.end(),
                  [](const CgroupHierarchy& entry) { return !entry.controllers.empty(); });
  if (has_v1_controller) {
    layout->mode = CgroupLayout::Mode::kV1;
  } else if (!unified.empty()) {
    layout->hierarchies.clear();
    layout->hierarchies.push_back(make_v2(unified));
    layout->mode = CgroupLayout::Mode::kV2;
  } else {
    layout->hierarchies.clear();
  }
  return layout;
}

std::shared_ptr<const CgroupLayout> detect_cgroups() {
  return detect_cgroups_in(read_file("/proc/self/mountinfo"), "");
}

}  // namespace berth::runtime
