#include "daemon/runtime/terminal.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/runtime/filesystem.hpp"
#include "daemon/runtime/in_root.hpp"

namespace berth::runtime {

namespace {

constexpr unsigned kTerminalMajor = 5;
constexpr unsigned kPtmxMinor = 2;
constexpr int kFirstFree = 3;

/// Out of the very devpts that we mounted; else out of what is at /dev/pts, when that is a devpts.
Fd open_folder(const MountedRoot& mounted) {
  if (mounted.terminals) {
    return Fd(::fcntl(mounted.terminals.get(), F_DUPFD_CLOEXEC, kFirstFree));
  }
  Fd folder = try_open_in_root(mounted.root.get(), "/dev/pts", O_PATH | O_DIRECTORY);
  if (folder && !is_on_file_system(folder.get(), DEVPTS_SUPER_MAGIC)) {
    errno = ENODEV;
    folder.reset();
  }
  return folder;
}

/// The place for the console's mount, made if it is missing. In a /dev that was brought along it
/// may be a link, on which the terminal would be mounted over something else (CVE-2025-52565).
Fd open_console(int root) {
  static constexpr mode_t kMode = 0600;
  const Fd dev = open_or_make(root, "/dev", Target::kDirectory);
  if (!dev) return Fd();
  const Fd made(
      ::openat(dev.get(), "console", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!made && errno != EEXIST) return Fd();
  Fd place(::openat(dev.get(), "console", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (place && ::fstat(place.get(), &status) == 0 && S_ISLNK(status.st_mode)) {
    errno = ELOOP;
    place.reset();
  }
  return place;
}

/// /dev/console shows the slave; the mount is checked to be of it and of no look-alike.
bool mount_console(Report& report, int root, int folder, int number, int slave) {
  FixedText<16> name;
  name.append_number(number);
  const Fd tree = copy_tree(report, folder, name.c_str(), false);
  if (!tree) return false;
  struct stat mounted{};
  struct stat expected{};
  if (::fstat(tree.get(), &mounted) != 0 || ::fstat(slave, &expected) != 0 ||
      mounted.st_rdev != expected.st_rdev || !is_on_file_system(tree.get(), DEVPTS_SUPER_MAGIC)) {
    return report.fail_in_words({"terminal: /dev/pts is not the devpts it was"}, ENODEV);
  }
  const Fd place = open_console(root);
  if (!place) return report.fail("terminal", "/dev/console");
  return attach_tree(report, tree.get(), place.get(), "/dev/console");
}

/// `folder` is the devpts, `number` the slave's name in it.
bool open_pair(const InitPlan& plan, Report& report, int folder, Terminal& terminal, int& number) {
  terminal.master.reset(::openat(folder, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW));
  if (!terminal.master) return report.fail("open", "/dev/pts/ptmx");
  if (!is_character_device(terminal.master.get(), kTerminalMajor, kPtmxMinor)) {
    return report.fail_in_words({"terminal: /dev/pts/ptmx is not the multiplexer"}, ENODEV);
  }
  const int unlocked = 0;
  if (::ioctl(terminal.master.get(), TIOCSPTLCK, &unlocked) != 0)
    return report.fail("ioctl", "TIOCSPTLCK");
  if (::ioctl(terminal.master.get(), TIOCGPTN, &number) != 0)
    return report.fail("ioctl", "TIOCGPTN");
  // By the master, not by name: the slave of this pty and no other.
  terminal.slave.reset(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave) return report.fail("ioctl", "TIOCGPTPEER");
  const ConsoleSize& size = plan.spec->process.console_size;
  if (size.height != 0 || size.width != 0) {
    winsize window{};
    window.ws_row = size.height;
    window.ws_col = size.width;
    if (::ioctl(terminal.master.get(), TIOCSWINSZ, &window) != 0)
      return report.fail("ioctl", "TIOCSWINSZ");
  }
  return true;
}

}  // namespace

bool open_terminal(const InitPlan& plan, Report& report, const MountedRoot& mounted,
                   Terminal& terminal) {
  report.enter(Stage::kTerminal);
  const Fd folder = open_folder(mounted);
  if (!folder) return report.fail("terminal", "/dev/pts");
  int number = 0;
  return open_pair(plan, report, folder.get(), terminal, number) &&
         mount_console(report, mounted.root.get(), folder.get(), number, terminal.slave.get());
}

bool open_session_terminal(const InitPlan& plan, Report& report, const MountedRoot& mounted,
                           Terminal& terminal) {
  report.enter(Stage::kTerminal);
  const Fd folder = open_folder(mounted);
  if (!folder) return report.fail("terminal", "/dev/pts");
  int number = 0;
  return open_pair(plan, report, folder.get(), terminal, number);
}

bool set_up_stdio(const InitPlan& plan, Report& report, int root, const Terminal& terminal) {
  report.enter(Stage::kTerminal);
  Fd null;
  std::array<Fd, 3> kept;
  for (int target = 0; target < 3; ++target) {
    int source = terminal.slave ? terminal.slave.get() : plan.stdio[target];
    if (source < 0) {
      if (!null) null = try_open_in_root(root, "/dev/null", O_RDWR | O_NOCTTY);
      if (!null) return report.fail("open", "/dev/null");
      if (!is_character_device(null.get(), 1, 3)) {
        return report.fail_in_words({"\"/dev/null\" is not the null device"}, ENODEV);
      }
      source = null.get();
    }
    // Out of the way of the numbers that are about to be given new meanings.
    kept[static_cast<std::size_t>(target)].reset(::fcntl(source, F_DUPFD_CLOEXEC, kFirstFree));
    if (!kept[static_cast<std::size_t>(target)]) return report.fail("fcntl", "standard streams");
  }
  for (int target = 0; target < 3; ++target) {
    if (::dup2(kept[static_cast<std::size_t>(target)].get(), target) < 0)
      return report.fail("dup2");
  }
  if (terminal.slave && ::ioctl(0, TIOCSCTTY, 0) != 0) return report.fail("ioctl", "TIOCSCTTY");
  return true;
}

bool give_stdio_to(Report& report, uid_t user) {
  if (user == 0) return true;
  for (int fd = 0; fd < 3; ++fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return report.fail("fstat", "standard streams");
    const bool own = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ||
                     (S_ISCHR(status.st_mode) && ::isatty(fd) == 1);
    if (own && ::fchown(fd, user, static_cast<gid_t>(-1)) != 0 && errno != EPERM &&
        errno != EROFS) {
      return report.fail("fchown", "standard streams");
    }
  }
  return true;
}

}  // namespace berth::runtime
