#include "daemon/runtime/devices.hpp"

#include <climits>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/runtime/filesystem.hpp"
#include "daemon/runtime/in_root.hpp"

namespace berth::runtime {

namespace {

struct Node {
  const char* name;
  unsigned minor;
};
struct Link {
  const char* name;
  const char* target;
};

constexpr mode_t kEveryone = 0666;
constexpr unsigned kMemoryMajor = 1;
constexpr unsigned kTerminalMajor = 5;
constexpr std::array<Node, 5> kMemoryNodes = {
    {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}}};
constexpr std::array<Link, 6> kLinks = {{{"fd", "/proc/self/fd"},
                                         {"stdin", "/proc/self/fd/0"},
                                         {"stdout", "/proc/self/fd/1"},
                                         {"stderr", "/proc/self/fd/2"},
                                         {"core", "/proc/kcore"},
                                         {"ptmx", "pts/ptmx"}}};

/// One that is there already counts when it is the very device: an image may not put a file of its
/// own in its place.
bool make_node(Report& report, int folder, const char* name, mode_t mode, dev_t device) {
  if (::mknodat(folder, name, mode, device) == 0) return true;
  if (errno != EEXIST) return report.fail("mknod", name);
  struct stat status{};
  if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return report.fail("stat", name);
  if ((status.st_mode & S_IFMT) == (mode & S_IFMT) && status.st_rdev == device) return true;
  return report.fail_in_words({"mknod ", name, ": something else is there in the image"}, EEXIST);
}

bool make_device(Report& report, int root, const DeviceNode& node) {
  const std::string_view path = node.path;
  const std::size_t slash = path.rfind('/');
  const FixedText<NAME_MAX + 1> name{path.substr(slash + 1)};
  if (name.empty() || name.truncated() || name.view() == "." || name.view() == "..") {
    return report.fail_in_words({"device \"", path, "\" has no usable name"}, EINVAL);
  }
  const Fd folder =
      open_or_make(root, slash == 0 ? "/" : path.substr(0, slash), Target::kDirectory);
  if (!folder) return report.fail("device", path);
  const mode_t type = node.type == 'b' ? S_IFBLK : node.type == 'p' ? S_IFIFO : S_IFCHR;
  const dev_t device = node.type == 'p' ? 0 : makedev(node.major, node.minor);
  if (!make_node(report, folder.get(), name.c_str(), type | node.mode, device)) return false;
  if (node.uid == 0 && node.gid == 0) return true;
  if (::fchownat(folder.get(), name.c_str(), node.uid, node.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return report.fail("chown", path);
  }
  return true;
}

}  // namespace

bool fill_dev(Report& report, int dev) {
  report.enter(Stage::kDevices);
  for (const Node& node : kMemoryNodes) {
    if (!make_node(report, dev, node.name, S_IFCHR | kEveryone, makedev(kMemoryMajor, node.minor)))
      return false;
  }
  if (!make_node(report, dev, "tty", S_IFCHR | kEveryone, makedev(kTerminalMajor, 0))) return false;
  report.enter(Stage::kMounts);
  return link_dev(report, dev);
}

bool link_dev(Report& report, int dev) {
  report.enter(Stage::kDevices);
  for (const Link& link : kLinks) {
    if (::symlinkat(link.target, dev, link.name) != 0 && errno != EEXIST)
      return report.fail("symlink", link.name);
  }
  report.enter(Stage::kMounts);
  return true;
}

std::vector<DeviceNode> default_devices() {
  std::vector<DeviceNode> nodes;
  for (const Node& node : kMemoryNodes)
    nodes.push_back({std::string("/dev/") + node.name, 'c', kMemoryMajor, node.minor, kEveryone});
  nodes.push_back({"/dev/tty", 'c', kTerminalMajor, 0, kEveryone});
  return nodes;
}

bool bind_devices(const InitPlan& plan, Report& report, int root, std::vector<Fd>& trees) {
  report.enter(Stage::kDevices);
  if (plan.own_dev && !plan.mounted_dev) {
    const Fd dev = open_or_make(root, "/dev", Target::kDirectory);
    if (!dev) return report.fail("open", "/dev");
    if (!link_dev(report, dev.get())) return false;
  }
  for (std::size_t index = 0; index < plan.devices.size(); ++index) {
    const std::string& path = plan.devices[index].path;
    const Fd place = open_or_make(root, path, Target::kFile);
    if (!place) return report.fail("device", path);
    if (is_on_file_system(place.get(), PROC_SUPER_MAGIC)) {
      return report.fail_in_words({"device \"", path, "\" is not allowed: it is inside /proc"},
                                  EPERM);
    }
    if (!attach_tree(report, trees[index].get(), place.get(), path)) return false;
  }
  return true;
}

bool make_devices(const InitPlan& plan, Report& report, int root) {
  report.enter(Stage::kDevices);
  if (!plan.own_dev) return true;
  if (!plan.mounted_dev) {
    const Fd dev = open_or_make(root, "/dev", Target::kDirectory);
    if (!dev) return report.fail("open", "/dev");
    if (!fill_dev(report, dev.get())) return false;
    report.enter(Stage::kDevices);
  }
  for (const DeviceNode& node : plan.spec->devices) {
    if (!make_device(report, root, node)) return false;
  }
  return true;
}

}  // namespace berth::runtime
