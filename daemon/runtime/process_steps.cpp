#include "daemon/runtime/process_steps.hpp"

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/runtime/exec.hpp"
#include "daemon/runtime/privileges.hpp"
#include "daemon/runtime/user_namespace.hpp"

namespace berth::runtime {

namespace {

constexpr int kSetUpFailed = 125;

/// The environment's spare slot takes HOME when nobody else set it.
void set_home(const InitPlan& plan, Identity& identity) {
  if (plan.has_home) return;
  const auto& home = identity.user.home;
  identity.home.append("HOME=");
  identity.home.append(home.empty() || home.truncated() ? std::string_view("/") : home.view());
  // Data of this process alone: the parent's copy of the plan is another.
  auto& environment = const_cast<std::vector<char*>&>(plan.environment);
  environment[environment.size() - 2] = const_cast<char*>(identity.home.c_str());
}

/// PR_SET_PDEATHSIG says nothing about a parent that died before.
bool parent_lives(const Report& report) {
  pollfd entry{report.control(), 0, 0};
  return ::poll(&entry, 1, 0) == 0;
}

}  // namespace

void reset_signals() noexcept {
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool join_groups(const InitPlan& plan, Report& report) {
  report.enter(Stage::kCgroup);
  for (const std::string& path : plan.join_files) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), "0", 1) != 1) return report.fail("join cgroup", path);
  }
  return true;
}

bool prepare_program(const InitPlan& plan, Report& report, int root, const Terminal& terminal,
                     Identity& identity) {
  if (!set_up_stdio(plan, report, root, terminal) ||
      !resolve_user(plan.spec->process.user, root, report, identity.user) ||
      !check_mapped(plan, report, identity.user) || !give_stdio_to(report, identity.user.uid) ||
      !set_rlimits(plan, report) || !leave_keyring(report)) {
    return false;
  }
  set_home(plan, identity);
  ::umask(plan.spec->process.user.umask.value_or(022));
  // All of ours are close-on-exec from birth; this covers what the caller may have leaked.
  static constexpr unsigned kFirst = 3;
  return ::close_range(kFirst, ~0U, CLOSE_RANGE_CLOEXEC) == 0 || report.fail("close_range");
}

int become_program(const InitPlan& plan, Report& report, const Identity& identity) {
  if (!drop_privileges(plan, report, identity.user) || !enter_working_directory(plan, report))
    return kSetUpFailed;
  if (plan.die_with_parent && !parent_lives(report)) return kSetUpFailed;
  return execute(plan, report);
}

}  // namespace berth::runtime
