// Filters are installed in forked children, and system calls made under them.
#include <functional>

#include <catch2/catch.hpp>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "daemon/seccomp/seccomp.hpp"

namespace berth::seccomp {

namespace {

/// Runs `call` in a child under the filter; returns its errno, 0 when it succeeded, or 1000 + the
/// signal that ended the child.
int outcome(const std::vector<std::byte>& filter, const std::function<long()>& call) {
  const pid_t child = ::fork();
  if (child == 0) {
    sock_fprog program{static_cast<unsigned short>(filter.size() / sizeof(sock_filter)),
                       reinterpret_cast<sock_filter*>(const_cast<std::byte*>(filter.data()))};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
      ::_exit(255);
    }
    errno = 0;
    const long result = call();
    ::_exit(result < 0 ? errno : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  return ::syscall(number, a, b, c, d);
}

const std::vector<std::string> kNone;

}  // namespace

TEST_CASE("the default filter lets ordinary calls through") {
  const auto filter = compile_default(kNone);
  CHECK(filter.size() % sizeof(sock_filter) == 0);
  CHECK(outcome(filter, [] { return call(SYS_getpid); }) == 0);
  CHECK(outcome(filter, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }) == 0);
  CHECK(outcome(filter, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }) == 0);
  CHECK(outcome(filter, [] { return call(SYS_personality, 0xffffffff); }) == 0);
  CHECK(outcome(filter, [] { return call(SYS_personality, PER_LINUX32); }) == 0);
  CHECK(outcome(filter, [] {
          const pid_t child = ::fork();  // clone(2) in the C library
          if (child == 0) ::_exit(0);
          return static_cast<long>(::waitpid(child, nullptr, 0));
        }) == 0);
}

TEST_CASE("the default filter refuses what leads out of a container") {
  const auto filter = compile_default(kNone);
  // Each with arguments for which the kernel itself would say something else than EPERM, or for
  // which root would succeed.
  CHECK(outcome(filter, [] {
          return call(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0);
        }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_add_key, 0, 0, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_unshare, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_setns, -1, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_mount, 0, 0, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_umount2, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_pivot_root, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_bpf, 99, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_perf_event_open, 0, 0, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_open_by_handle_at, -1, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_io_uring_setup, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_userfaultfd, ~0L); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_kexec_load, 0, 0, 0, ~0L); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_finit_module, -1, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_reboot, 0, 0, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_swapon, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_quotactl, ~0L, 0, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_syslog, 99, 0, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_clock_settime, 99, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_personality, ADDR_NO_RANDOMIZE); }) == EPERM);
  CHECK(outcome(filter, [] { return ::socket(AF_VSOCK, SOCK_STREAM, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_clone, CLONE_NEWUSER | SIGCHLD); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_clone, CLONE_NEWNET | SIGCHLD); }) == EPERM);
#ifdef SYS_iopl
  CHECK(outcome(filter, [] { return call(SYS_iopl, 99); }) == EPERM);
#endif
}

TEST_CASE("clone3 is answered like on a kernel without it") {
  CHECK(outcome(compile_default(kNone), [] { return call(SYS_clone3, 0, 0); }) == ENOSYS);
  const std::vector<std::string> admin = {"CAP_SYS_ADMIN"};
  CHECK(outcome(compile_default(admin), [] { return call(SYS_clone3, 0, 0); }) == EINVAL);
}

TEST_CASE("a call newer than the tables is answered with ENOSYS, not EPERM") {
  CHECK(outcome(compile_default(kNone), [] { return call(1022); }) == ENOSYS);
}

TEST_CASE("capabilities widen the default filter") {
  const std::vector<std::string> admin = {"CAP_SYS_ADMIN"};
  const std::vector<std::string> several = {"CAP_SYSLOG", "CAP_SYS_TIME", "CAP_DAC_READ_SEARCH"};
  CHECK(outcome(compile_default(admin), [] { return call(SYS_unshare, 0); }) == 0);
  CHECK(outcome(compile_default(admin), [] { return call(SYS_setns, -1, 0); }) == EBADF);
  CHECK(outcome(compile_default(admin), [] { return call(SYS_keyctl, 0, 0, 0); }) == EPERM);
  CHECK(outcome(compile_default(several), [] { return call(SYS_syslog, 99, 0, 0); }) == EINVAL);
  CHECK(outcome(compile_default(several), [] { return call(SYS_clock_settime, 99, 0); }) == EINVAL);
  CHECK(outcome(compile_default(several), [] { return call(SYS_open_by_handle_at, -1, 0, 0); }) ==
        EFAULT);
}

TEST_CASE("equal input gives equal bytes, and the JSON form compiles to the same answers") {
  CHECK(compile_default(kNone) == compile_default(kNone));
  const auto json = default_profile(kNone);
  CHECK(json.at("defaultAction") == "SCMP_ACT_ERRNO");
  const auto filter = compile_profile(json, kNone);
  CHECK(filter == compile_default(kNone));
}

TEST_CASE("a profile in Docker's form") {
  const auto profile = nlohmann::json::parse(R"({
    "defaultAction": "SCMP_ACT_ALLOW",
    "archMap": [
      {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
      {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
    "syscalls": [
      {"names": ["getppid", "a_call_of_the_future"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
      {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_CHOWN"]}},
      {"names": ["getsid"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "4.8"}},
      {"names": ["getuid"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "99.0"}},
      {"names": ["getgid"], "action": "SCMP_ACT_ERRNO", "includes": {"arches": ["s390x"]}},
      {"names": ["personality"], "action": "SCMP_ACT_KILL_PROCESS",
       "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]})");
  const auto filter = compile_profile(profile, kNone);
  CHECK(outcome(filter, [] { return call(SYS_getppid); }) == ENOSYS);
  CHECK(outcome(filter, [] { return call(SYS_getpgid, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_getsid, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_getuid); }) == 0);
  CHECK(outcome(filter, [] { return call(SYS_getgid); }) == 0);
  CHECK(outcome(filter, [] { return call(SYS_personality, 0xffffffff); }) == 0);
  CHECK(outcome(filter, [] { return call(SYS_personality, 8); }) == 1000 + SIGSYS);
  const std::vector<std::string> chown = {"CAP_CHOWN"};
  CHECK(outcome(compile_profile(profile, chown), [] { return call(SYS_getpgid, 0); }) == 0);
}

TEST_CASE("several conditions on one argument are alternatives") {
  const auto profile = nlohmann::json::parse(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [
        {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]}]})");
  const auto filter = compile_profile(profile, kNone);
  CHECK(outcome(filter, [] { return call(SYS_personality, 8); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_personality, 0); }) == EPERM);
  CHECK(outcome(filter, [] { return call(SYS_personality, 0xffffffff); }) == 0);
}

TEST_CASE("a bad profile is refused with what is wrong in it") {
  const auto compile_text = [](const char* text) {
    return compile_profile(nlohmann::json::parse(text), kNone);
  };
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(compile_text("{}"), Contains("\"defaultAction\" is missing"));
  CHECK_THROWS_WITH(compile_text("[]"), Contains("an object is expected"));
  CHECK_THROWS_WITH(compile_text(R"({"defaultAction": "SCMP_ACT_MAYBE"})"),
                    Contains("SCMP_ACT_MAYBE"));
  CHECK_THROWS_WITH(compile_text(R"({"defaultAction": "SCMP_ACT_NOTIFY"})"),
                    Contains("not supported"));
  CHECK_THROWS_WITH(
      compile_text(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["VAX"]})"),
      Contains("\"VAX\""));
  CHECK_THROWS_WITH(
      compile_text(
          R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_KILL"}]})"),
      Contains("no \"names\""));
  CHECK_THROWS_WITH(
      compile_text(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"],
      "action": "SCMP_ACT_KILL", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]})"),
      Contains("0 to 5"));
  CHECK_THROWS_WITH(
      compile_text(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"],
      "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 1, "op": "LIKE"}]}]})"),
      Contains("\"LIKE\""));
}

}  // namespace berth::seccomp
