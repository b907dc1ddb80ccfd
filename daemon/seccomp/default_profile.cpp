#include <algorithm>
#include <cerrno>

#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "daemon/seccomp/default_table.hpp"
#include "daemon/seccomp/profile.hpp"
#include "daemon/seccomp/seccomp.hpp"

namespace berth::seccomp {

namespace {

constexpr int kNewCgroup = 0x02000000;  // CLONE_NEWCGROUP, linux/sched.h

/// clone(2) may make threads and processes, but no namespaces: those open the kernel's code that is
/// otherwise for root alone. Its flags are the first argument on all architectures that we know.
Rule clone_without_namespaces() {
  static constexpr std::uint64_t kNamespaces = CLONE_NEWNS | kNewCgroup | CLONE_NEWUTS |
                                               CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                               CLONE_NEWNET;
  return {{"clone"}, SCMP_ACT_ALLOW, {SCMP_A0(SCMP_CMP_MASKED_EQ, kNamespaces, 0)}};
}

/// personality(2): Linux, 32-bit Linux, either with the old version number, and the question what
/// it is. No READ_IMPLIES_EXEC, no ADDR_NO_RANDOMIZE.
std::vector<Rule> personalities() {
  static constexpr std::uint64_t kAsk = 0xffffffff;
  static constexpr std::uint64_t kLinux = PER_LINUX;
  static constexpr std::uint64_t kLinux32 = PER_LINUX32;
  static constexpr std::uint64_t kOldVersion = UNAME26;
  std::vector<Rule> rules;
  for (const std::uint64_t value :
       {kLinux, kLinux32, kLinux | kOldVersion, kLinux32 | kOldVersion, kAsk}) {
    rules.push_back({{"personality"}, SCMP_ACT_ALLOW, {SCMP_A0(SCMP_CMP_EQ, value, 0)}});
  }
  return rules;
}

}  // namespace

Profile default_rules(std::span<const std::string> capabilities) {
  const auto has = [&](std::string_view name) {
    return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
  };
  Profile profile;
  profile.default_action = SCMP_ACT_ERRNO(EPERM);
  profile.architectures = native_architectures();

  Rule allowed;
  allowed.names.assign(kAllowed.begin(), kAllowed.end());
  for (const CapabilityEntry& entry : kAllowedByCapability) {
    if (has(entry.capability)) allowed.names.emplace_back(entry.name);
  }
  std::sort(allowed.names.begin(), allowed.names.end());
  allowed.names.erase(std::unique(allowed.names.begin(), allowed.names.end()), allowed.names.end());
  profile.rules.push_back(std::move(allowed));

  for (Rule& rule : personalities())
    profile.rules.push_back(std::move(rule));
  // Virtual machines' sockets lead to the hypervisor, past every network namespace.
  profile.rules.push_back({{"socket"}, SCMP_ACT_ALLOW, {SCMP_A0(SCMP_CMP_NE, AF_VSOCK, 0)}});
  if (!has("CAP_SYS_ADMIN")) {
    profile.rules.push_back(clone_without_namespaces());
    // Its flags are in memory, where no filter can look; ENOSYS has the C library take clone(2).
    profile.rules.push_back({{"clone3"}, SCMP_ACT_ERRNO(ENOSYS), {}});
  }
  return profile;
}

std::vector<std::byte> compile_default(std::span<const std::string> capabilities) {
  return compile(default_rules(capabilities));
}

nlohmann::json default_profile(std::span<const std::string> capabilities) {
  return to_json(default_rules(capabilities));
}

nlohmann::json decode_profile(const std::string& text) {
  nlohmann::json profile = nlohmann::json::parse(text, nullptr, false);
  if (profile.is_discarded()) {
    throw Error(ErrorKind::kInvalidArgument, "decoding seccomp profile failed: it is not JSON");
  }
  return profile;
}

void check_profile(const std::string& text, std::span<const std::string> capabilities) {
  parse_profile(decode_profile(text), capabilities);
}

std::vector<std::byte> compile_profile(const nlohmann::json& profile,
                                       std::span<const std::string> capabilities) {
  return compile(parse_profile(profile, capabilities));
}

nlohmann::json resolve_profile(const nlohmann::json& profile,
                               std::span<const std::string> capabilities) {
  return to_json(parse_profile(profile, capabilities));
}

}  // namespace berth::seccomp
