#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/file.hpp"
#include "daemon/seccomp/names.hpp"
#include "daemon/seccomp/profile.hpp"

namespace berth::seccomp {

namespace {

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

/// libseccomp returns negative errno values.
void check(int result, const std::string& what) {
  if (result < 0) {
    throw Error(ErrorKind::kInvalidArgument,
                "seccomp profile: " + what + ": " + errno_text(-result), -result);
  }
}

void add_architectures(void* filter, const Profile& profile) {
  const std::uint32_t native = ::seccomp_arch_native();
  for (const std::uint32_t token : profile.architectures) {
    if (token == native) continue;
    const int result = ::seccomp_arch_add(filter, token);
    // One of the other byte order, in a list for several machines, cannot run here anyway.
    if (result == -EEXIST || result == -EDOM) continue;
    check(result, "add " + architecture_name(token));
  }
}

bool has_repeated_argument(const Rule& rule) {
  std::set<unsigned> seen;
  return std::any_of(
      rule.arguments.begin(), rule.arguments.end(),
      [&](const scmp_arg_cmp& argument) { return !seen.insert(argument.arg).second; });
}

void add_rule(void* filter, const Rule& rule, const std::string& name) {
  const int number = ::seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return;  // newer than this machine's libseccomp
  const auto add = [&](const scmp_arg_cmp* arguments, std::size_t count) {
    const int result = ::seccomp_rule_add_array(filter, rule.action, number,
                                                static_cast<unsigned>(count), arguments);
    // The same rule twice is no fault of the profile.
    if (result != -EEXIST) check(result, "rule for \"" + name + "\"");
  };
  if (!has_repeated_argument(rule)) return add(rule.arguments.data(), rule.arguments.size());
  for (const scmp_arg_cmp& argument : rule.arguments)
    add(&argument, 1);
}

std::vector<std::byte> export_program(void* filter) {
  const Fd memory = own_fd(::memfd_create("seccomp", MFD_CLOEXEC), "memfd_create");
  check(::seccomp_export_bpf(filter, memory.get()), "export");
  check_errno(::lseek(memory.get(), 0, SEEK_SET), "lseek", "seccomp");
  const std::string text = read_all(memory.get(), "seccomp");
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

/// The highest number that libseccomp has a name for.
std::uint32_t newest_known_syscall() {
  static constexpr int kBeyondAll = 1023;
  for (int number = kBeyondAll; number > 0; --number) {
    char* const name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    if (name == nullptr) continue;
    std::free(name);
    return static_cast<std::uint32_t>(number);
  }
  return 0;
}

/// In front of a profile that refuses by default: what is newer than the tables gets ENOSYS, so
/// that programs fall back as on an older kernel, instead of taking EPERM for an answer. Since
/// Linux 5.1 new calls have the same number on all architectures (x32 adds a bit; arm's private
/// calls are far above and keep the profile's answer).
std::vector<sock_filter> enosys_for_newer() {
  static constexpr std::uint32_t kWithoutX32Bit = 0xbfffffff;
  static constexpr std::uint8_t kToProfile = 4;
  return {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_ARM, kToProfile, 0),
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kWithoutX32Bit),
          BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest_known_syscall(), 0, 1),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)};
}

bool refuses_by_errno(std::uint32_t action) {
  return action_name(action) == "SCMP_ACT_ERRNO" && action != SCMP_ACT_ERRNO(ENOSYS);
}

}  // namespace

std::vector<std::byte> compile(const Profile& profile) {
  const Filter filter(::seccomp_init(profile.default_action));
  if (!filter) throw Error(ErrorKind::kInternal, "seccomp: cannot make a filter");
  add_architectures(filter.get(), profile);
  check(::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
        "attribute");
  // A binary tree: the cost of a call does not grow with the length of the list.
  static constexpr std::uint32_t kBinaryTree = 2;
  check(::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree), "attribute");
  for (const Rule& rule : profile.rules) {
    if (rule.action == profile.default_action) continue;
    for (const std::string& name : rule.names)
      add_rule(filter.get(), rule, name);
  }
  std::vector<std::byte> program = export_program(filter.get());
  if (refuses_by_errno(profile.default_action)) {
    const auto prefix = enosys_for_newer();
    const auto* const bytes = reinterpret_cast<const std::byte*>(prefix.data());
    program.insert(program.begin(), bytes, bytes + prefix.size() * sizeof(sock_filter));
  }
  if (program.size() / sizeof(sock_filter) > BPF_MAXINSNS) {
    throw Error(ErrorKind::kInvalidArgument,
                "seccomp profile: needs more than the kernel's 4096 instructions: must be shorter");
  }
  return program;
}

}  // namespace berth::seccomp
