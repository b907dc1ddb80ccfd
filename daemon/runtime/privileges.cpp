#include "daemon/runtime/privileges.hpp"

#include <algorithm>
#include <csignal>

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

CapabilityMask bit(int number) {
  return CapabilityMask{1} << static_cast<unsigned>(number);
}

bool drop_bounding(const InitPlan& plan, Report& report) {
  for (int number = 0; number < 64; ++number) {
    if ((plan.droppable & bit(number)) == 0 || (plan.capabilities.bounding & bit(number)) != 0)
      continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0 && errno != EINVAL) {
      return report.fail("prctl", "PR_CAPBSET_DROP");
    }
  }
  return true;
}

bool set_user(Report& report, const ResolvedUser& user) {
  report.enter(Stage::kUser);
  // Groups first: without the user's root they could not be changed any more (CWE-271).
  if (::setgroups(user.group_count, user.groups.data()) != 0) return report.fail("setgroups");
  if (::setresgid(user.gid, user.gid, user.gid) != 0) return report.fail("setresgid");
  if (::setresuid(user.uid, user.uid, user.uid) != 0) return report.fail("setresuid");
  return true;
}

bool set_capabilities(const Capabilities& wanted, Report& report) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (unsigned word = 0; word < 2; ++word) {
    const auto part = [&](CapabilityMask mask) {
      return static_cast<std::uint32_t>(mask >> (32 * word));
    };
    data[word].effective = part(wanted.effective);
    data[word].permitted = part(wanted.permitted);
    data[word].inheritable = part(wanted.inheritable);
  }
  if (::syscall(SYS_capset, &header, &data[0]) != 0) return report.fail("capset");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return report.fail("prctl", "PR_CAP_AMBIENT_CLEAR_ALL");
  }
  for (int number = 0; wanted.ambient != 0 && number < 64; ++number) {
    if ((wanted.ambient & bit(number)) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) {
      return report.fail("prctl", "PR_CAP_AMBIENT_RAISE");
    }
  }
  return true;
}

bool install_filter(const InitPlan& plan, Report& report) {
  if (plan.seccomp_filter.empty()) return true;
  report.enter(Stage::kSeccomp);
  sock_fprog program{};
  program.len = static_cast<unsigned short>(plan.seccomp_filter.size() / sizeof(sock_filter));
  // The kernel copies it; the bytes were made as sock_filter[] and are only read.
  program.filter =
      reinterpret_cast<sock_filter*>(const_cast<std::byte*>(plan.seccomp_filter.data()));
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return report.fail("seccomp");
  return true;
}

}  // namespace

bool set_rlimits(const InitPlan& plan, Report& report) {
  report.enter(Stage::kLimits);
  // There the parent does it: the right to raise one is the host's to give.
  if (plan.in_user_namespace()) return true;
  for (const Rlimit& limit : plan.spec->process.rlimits) {
    rlimit64 wanted{limit.soft, limit.hard};
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (::prlimit64(0, resource, &wanted, nullptr) == 0) continue;
    if (errno != EPERM) return report.fail("prlimit", limit.name);
    rlimit64 present{};
    if (::prlimit64(0, resource, nullptr, &present) != 0) return report.fail("prlimit", limit.name);
    wanted.rlim_max = std::min<rlim64_t>(wanted.rlim_max, present.rlim_max);
    wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
    if (::prlimit64(0, resource, &wanted, nullptr) != 0) return report.fail("prlimit", limit.name);
    FixedText<24> number;
    number.append_number(wanted.rlim_max);
    report.warn({limit.name, " stays at ", number.view(),
                 ": raising it needs CAP_SYS_RESOURCE, which the engine does not have"},
                EPERM);
  }
  return true;
}

bool leave_keyring(Report& report) {
  report.enter(Stage::kPrivileges);
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0) return true;
  if (errno == ENOSYS || errno == EPERM) return true;
  // The quota of keys is the host's; without a keyring of its own the container must not start,
  // since it would share the daemon's.
  return report.fail("keyctl", "new session keyring");
}

bool drop_privileges(const InitPlan& plan, Report& report, const ResolvedUser& user) {
  report.enter(Stage::kPrivileges);
  const Process& process = plan.spec->process;
  if (!drop_bounding(plan, report)) return false;
  // Without no_new_privs a filter takes CAP_SYS_ADMIN, which goes below.
  if (!process.no_new_privileges && !install_filter(plan, report)) return false;
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return report.fail("prctl", "PR_SET_KEEPCAPS");
  if (!set_user(report, user)) return false;
  report.enter(Stage::kPrivileges);
  if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return report.fail("prctl", "PR_SET_KEEPCAPS");
  if (!set_capabilities(plan.capabilities, report)) return false;
  // Last, for each change of credentials takes it away again.
  if (plan.die_with_parent && ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return report.fail("prctl", "PR_SET_PDEATHSIG");
  }
  if (!process.no_new_privileges) return true;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return report.fail("prctl", "PR_SET_NO_NEW_PRIVS");
  return install_filter(plan, report);
}

}  // namespace berth::runtime
