#include "daemon/runtime/user_namespace.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/runtime/filesystem.hpp"
#include "daemon/runtime/init.hpp"
#include "daemon/runtime/privileges.hpp"

namespace berth::runtime {

namespace {

std::string map_text(const IdRanges& mappings) {
  std::string text;
  for (const IdRange& mapping : mappings) {
    text += std::to_string(mapping.container) + " " + std::to_string(mapping.host) + " " +
            std::to_string(mapping.size) + "\n";
  }
  return text;
}

bool send_tree(int socket, const Fd& tree) {
  char word = kTree;
  iovec part{&word, 1};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  header.msg_control = space.data();
  header.msg_controllen = space.size();
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  const int descriptor = tree.get();
  std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == 1;
}

Fd receive_tree(int socket) {
  char word = 0;
  iovec part{&word, 1};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  header.msg_control = space.data();
  header.msg_controllen = space.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* rights = got == 1 ? CMSG_FIRSTHDR(&header) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return Fd();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
  return Fd(descriptor);
}

/// A device of the host's, which is bound since nobody but the host's root may make one.
Fd take_device(Report& report, const PlannedDevice& device) {
  report.enter(Stage::kDevices);
  if (device.source.empty()) {
    report.fail_in_words(
        {"device \"", device.path, "\" has no file on the host that it could be bound from"});
    return Fd();
  }
  const Fd file(::open(device.source.c_str(), O_PATH | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    report.fail("device", device.source);
    return Fd();
  }
  const mode_t type = device.type == 'b' ? S_IFBLK : S_IFCHR;
  if ((status.st_mode & S_IFMT) != type || status.st_rdev != makedev(device.major, device.minor)) {
    report.fail_in_words({"\"", device.source, "\" is not the device that it should be"}, ENODEV);
    return Fd();
  }
  return copy_tree(report, file.get(), "", false);
}

/// Everything in the helper, from whose mount namespace nothing is seen.
bool take_trees(const InitPlan& plan, Report& report, int user_namespace, int trees,
                BindSources& sources) {
  report.enter(Stage::kNamespaces);
  if (::unshare(CLONE_NEWNS) != 0) return report.fail("unshare", "CLONE_NEWNS");
  if (!sources.take(plan, report, user_namespace)) return false;
  for (const PlannedDevice& device : plan.devices) {
    sources.devices.emplace_back(take_device(report, device));
    if (!sources.devices.back()) return false;
  }
  if (!make_mapped_root(plan, report, user_namespace, sources.root)) return false;
  if (!send_tree(trees, sources.root)) return report.fail("sendmsg", "the root");
  for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
    if (plan.mounts[index].kind != PlannedMount::Kind::kBind) continue;
    if (!send_tree(trees, sources[index])) return report.fail("sendmsg", "a mount");
  }
  for (const Fd& device : sources.devices) {
    if (!send_tree(trees, device)) return report.fail("sendmsg", "a device");
  }
  return true;
}

}  // namespace

void write_id_maps(pid_t pid, const Spec& spec) {
  const std::string folder = "/proc/" + std::to_string(pid);
  write_existing(folder + "/gid_map", map_text(spec.gid_mappings));
  write_existing(folder + "/uid_map", map_text(spec.uid_mappings));
}

void join_cgroups_for(pid_t pid, const InitPlan& plan, std::vector<std::string>& warnings) {
  const std::string number = std::to_string(pid);
  for (const std::string& file : plan.join_files)
    write_existing(file, number);
  if (plan.spec->process.oom_score_adj) {
    try {
      write_existing("/proc/" + number + "/oom_score_adj",
                     std::to_string(*plan.spec->process.oom_score_adj));
    } catch (const Error& error) {
      warnings.emplace_back(std::string("the OOM score stays as it is: ") + error.what());
    }
  }
}

void set_rlimits_of(pid_t pid, const Spec& spec, std::vector<std::string>& warnings) {
  for (const Rlimit& limit : spec.process.rlimits) {
    const rlimit64 wanted{limit.soft, limit.hard};
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (::prlimit64(pid, resource, &wanted, nullptr) == 0) continue;
    warnings.push_back(limit.name + " stays as it is: " + errno_text(errno));
  }
}

void give_streams_to_root(const InitPlan& plan) {
  const std::uint32_t uid = host_id(plan.spec->uid_mappings, 0).value_or(0);
  const std::uint32_t gid = host_id(plan.spec->gid_mappings, 0).value_or(0);
  for (const int stream : plan.stdio) {
    struct stat status{};
    if (stream < 0 || ::fstat(stream, &status) != 0) continue;
    if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
      check_errno(::fchown(stream, uid, gid), "fchown", "a standard stream");
  }
}

TreeHelper::TreeHelper(const InitPlan& plan, int user_namespace, int control, int trees,
                       BindSources& sources) {
  const pid_t parent = ::getpid();
  pid_ = check_errno(::fork(), "fork");
  if (pid_ > 0) return;
  Report report(control);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // What it makes for PID 1 is seen by others: modes are meant as they are given.
  ::umask(0);
  const bool done =
      ::getppid() == parent && take_trees(plan, report, user_namespace, trees, sources);
  ::_exit(done ? 0 : 1);
}

TreeHelper::~TreeHelper() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void clone_in_user_namespace(const InitPlan& plan, int control, BindSources& sources, int processes,
                             bool new_processes) noexcept {
  Report report(control);
  report.enter(Stage::kNamespaces);
  // As in run_init().
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (processes >= 0 && ::setns(processes, CLONE_NEWPID) != 0) {
    report.fail("setns", "pid namespace");
    ::_exit(1);
  }
  if (::setns(plan.user_namespace.get(), CLONE_NEWUSER) != 0) {
    report.fail("setns", "user namespace");
    ::_exit(1);
  }
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | CLONE_PARENT;
  if (new_processes) arguments.flags |= CLONE_NEWPID;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  const long result = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (result == 0) run_init(plan, control, sources);
  if (result < 0) {
    report.fail("clone3");
    ::_exit(1);
  }
  report.tell(InitMessage::Type::kCloned, pidfd);
  ::_exit(0);
}

bool become_mapped_root(Report& report) {
  report.enter(Stage::kNamespaces);
  // Also where no maps have to be written: the parent has to know this process before it speaks.
  return report.wait_for(kMapsWritten) && become_root_of_namespace(report);
}

bool become_root_of_namespace(Report& report) {
  report.enter(Stage::kNamespaces);
  if (::setgroups(0, nullptr) != 0) return report.fail("setgroups");
  if (::setresgid(0, 0, 0) != 0) return report.fail("setresgid");
  if (::setresuid(0, 0, 0) != 0) return report.fail("setresuid");
  // The change of user made it so, or not: see run_init().
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return true;
}

bool check_mapped(const InitPlan& plan, Report& report, const ResolvedUser& user) {
  if (plan.spec->uid_mappings.empty()) return true;
  report.enter(Stage::kUser);
  const auto check = [&](const IdRanges& mappings, const char* what, std::uint32_t id) {
    if (host_id(mappings, id)) return true;
    FixedText<16> number;
    number.append_number(id);
    return report.fail_in_words(
        {what, " ", number.view(), " is not mapped in the container's user namespace"}, EINVAL);
  };
  if (!check(plan.spec->uid_mappings, "user", user.uid)) return false;
  if (!check(plan.spec->gid_mappings, "group", user.gid)) return false;
  for (std::size_t index = 0; index < user.group_count; ++index) {
    if (!check(plan.spec->gid_mappings, "group", user.groups[index])) return false;
  }
  return true;
}

bool receive_trees(const InitPlan& plan, Report& report, BindSources& sources) {
  report.enter(Stage::kMounts);
  ::close(plan.trees_other);
  const auto receive = [&](Fd& tree) {
    tree = receive_tree(plan.trees);
    // The helper told why.
    return static_cast<bool>(tree);
  };
  if (!receive(sources.root)) return false;
  for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
    if (plan.mounts[index].kind == PlannedMount::Kind::kBind && !receive(sources[index]))
      return false;
  }
  for (std::size_t index = 0; index < plan.devices.size(); ++index) {
    sources.devices.emplace_back();
    if (!receive(sources.devices.back())) return false;
  }
  return true;
}

}  // namespace berth::runtime
