#include "daemon/runtime/namespaces.hpp"

#include <cstring>

#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/scope_guard.hpp"
#include "daemon/runtime/step_report.hpp"

namespace berth::runtime {

namespace {

/// A new network namespace has a loopback interface that is down.
bool bring_loopback_up(Report& report) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return report.fail("socket");
  ifreq request{};
  std::memcpy(&request.ifr_name[0], "lo", sizeof "lo");
  request.ifr_flags = static_cast<short>(IFF_UP | IFF_RUNNING | IFF_LOOPBACK);
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
    return report.fail("ioctl", "SIOCSIFFLAGS lo");
  return true;
}

bool set_names(const Spec& spec, Report& report) {
  if (!spec.hostname.empty() && ::sethostname(spec.hostname.data(), spec.hostname.size()) != 0) {
    return report.fail("sethostname", spec.hostname);
  }
  if (!spec.domainname.empty() &&
      ::setdomainname(spec.domainname.data(), spec.domainname.size()) != 0) {
    return report.fail("setdomainname", spec.domainname);
  }
  return true;
}

}  // namespace

int clone_flag(NamespaceKind kind) {
  switch (kind) {
    case NamespaceKind::kPid:
      return CLONE_NEWPID;
    case NamespaceKind::kNetwork:
      return CLONE_NEWNET;
    case NamespaceKind::kMount:
      return CLONE_NEWNS;
    case NamespaceKind::kIpc:
      return CLONE_NEWIPC;
    case NamespaceKind::kUts:
      return CLONE_NEWUTS;
    case NamespaceKind::kCgroup:
      return CLONE_NEWCGROUP;
    case NamespaceKind::kUser:
      return CLONE_NEWUSER;
  }
  return 0;
}

Fd open_namespace(const std::string& path, NamespaceKind kind) {
  Fd handle(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!handle) {
    throw Error(ErrorKind::kConflict,
                "cannot join the namespace \"" + path + "\": " + errno_text(errno), errno);
  }
  if (::ioctl(handle.get(), NS_GET_NSTYPE) != clone_flag(kind)) {
    throw Error(ErrorKind::kInvalidArgument,
                "cannot join the namespace \"" + path + "\": it is not one of the type asked for");
  }
  return handle;
}

ChildPidNamespace::ChildPidNamespace(int handle) {
  if (handle < 0) return;
  own_ = open_file("/proc/self/ns/pid", O_RDONLY);
  check_errno(::setns(handle, CLONE_NEWPID), "setns", "pid namespace");
}

ChildPidNamespace::~ChildPidNamespace() {
  if (own_) ::setns(own_.get(), CLONE_NEWPID);
}

bool enter_namespaces(const InitPlan& plan, Report& report) {
  report.enter(Stage::kNamespaces);
  for (const NamespaceJoin& join : plan.joins) {
    if (::setns(join.handle.get(), join.type) != 0) return report.fail("setns", join.path);
  }
  if (plan.new_namespaces != 0 && ::unshare(plan.new_namespaces) != 0) {
    return report.fail("unshare");
  }
  if (!set_names(*plan.spec, report)) return false;
  if ((plan.new_namespaces & CLONE_NEWNET) != 0 && !bring_loopback_up(report)) return false;
  const Fd network(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!network) return report.fail("open", "/proc/self/ns/net");
  report.tell(InitMessage::Type::kNamespaces, network.get());
  return true;
}

Fd make_network_namespace(const Spec& spec) {
  const Fd own = open_file("/proc/self/ns/net", O_RDONLY);
  check_errno(::unshare(CLONE_NEWNET), "unshare", "CLONE_NEWNET");
  const ScopeGuard back([&] { ::setns(own.get(), CLONE_NEWNET); });
  StepReport steps;
  steps.report().enter(Stage::kNamespaces);
  steps.require(bring_loopback_up(steps.report()));
  for (const auto& [name, value] : spec.sysctl) {
    if (name.starts_with("net/")) write_existing("/proc/sys/" + name, value);
  }
  return open_file("/proc/self/ns/net", O_RDONLY);
}

}  // namespace berth::runtime
