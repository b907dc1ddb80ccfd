#include "daemon/runtime/proc_settings.hpp"

#include <climits>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/runtime/in_root.hpp"

namespace berth::runtime {

namespace {

/// One write(2) to `path` below `folder`; 0 or errno. No link and no other mount is crossed.
int write_below(int folder, const char* path, std::string_view value) {
  open_how how{};
  how.flags = O_WRONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const Fd file(static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how)));
  if (!file) return errno;
  if (!is_on_file_system(file.get(), PROC_SUPER_MAGIC)) return EXDEV;
  return ::write(file.get(), value.data(), value.size()) < 0 ? errno : 0;
}

bool write_sysctls(const InitPlan& plan, Report& report) {
  report.enter(Stage::kSysctl);
  if (plan.spec->sysctl.empty()) return true;
  const Fd folder(::open("/proc/sys", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return report.fail("open", "/proc/sys");
  for (const auto& [key, value] : plan.spec->sysctl) {
    const int error = write_below(folder.get(), key.c_str(), value);
    if (error == 0) continue;
    const auto words = error_words(error);
    return report.fail_in_words(
        {"sysctl \"", key, "\" cannot be set to \"", value, "\": ", words.view()}, error);
  }
  return true;
}

bool write_oom_score(const InitPlan& plan, Report& report, int self) {
  if (!plan.spec->process.oom_score_adj || plan.in_user_namespace()) return true;
  report.enter(Stage::kLimits);
  FixedText<16> score;
  score.append_number(*plan.spec->process.oom_score_adj);
  const int error = write_below(self, "oom_score_adj", score.view());
  if (error == EACCES || error == EPERM) {
    report.warn({"the OOM score stays as it is: lowering it to ", score.view(),
                 " needs CAP_SYS_RESOURCE, which the engine does not have"},
                error);
    return true;
  }
  return error == 0 || report.fail("write", "oom_score_adj", error);
}

bool write_apparmor(const InitPlan& plan, Report& report, int self) {
  const std::string& profile = plan.spec->process.apparmor_profile;
  if (profile.empty() || profile == "unconfined") return true;
  report.enter(Stage::kPrivileges);
  const FixedText<1024> change{"exec ", profile};
  if (change.truncated()) return report.fail("apparmor profile", profile, ENAMETOOLONG);
  int error = write_below(self, "attr/apparmor/exec", change.view());
  if (error == ENOENT) error = write_below(self, "attr/exec", change.view());
  return error == 0 || report.fail("apparmor profile", profile, error);
}

}  // namespace

bool write_proc_settings(const InitPlan& plan, Report& report) {
  if (!write_sysctls(plan, report)) return false;
  const Process& process = plan.spec->process;
  if (!process.oom_score_adj && process.apparmor_profile.empty()) return true;
  const Fd self(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!self || !is_on_file_system(self.get(), PROC_SUPER_MAGIC))
    return report.fail("open", "/proc/self");
  return write_oom_score(plan, report, self.get()) && write_apparmor(plan, report, self.get());
}

}  // namespace berth::runtime
