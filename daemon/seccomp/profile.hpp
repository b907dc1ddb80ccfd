// A seccomp profile in one form, whatever it came from: Berth's own table, Docker's JSON or OCI's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <seccomp.h>

namespace berth::seccomp {

struct Rule {
  std::vector<std::string> names;
  std::uint32_t action = SCMP_ACT_ALLOW;
  /// All must hold; several for one argument are alternatives, as other engines read them.
  std::vector<scmp_arg_cmp> arguments;
};

struct Profile {
  std::uint32_t default_action = SCMP_ACT_ERRNO(1);
  /// SCMP_ARCH_... tokens; the machine's own is always in.
  std::vector<std::uint32_t> architectures;
  std::vector<Rule> rules;
};

/// The machine's own architecture and those that its kernel also runs (x86 and x32 on x86_64, arm
/// on arm64).
std::vector<std::uint32_t> native_architectures();

/// Berth's default for a process with these capabilities.
Profile default_rules(std::span<const std::string> capabilities);

/// From Docker's or OCI's JSON. Throws Error{kInvalidArgument}.
Profile parse_profile(const nlohmann::json& json, std::span<const std::string> capabilities);

/// As OCI's linux.seccomp.
nlohmann::json to_json(const Profile& profile);

/// As BPF, struct sock_filter[] bytes. Throws Error.
std::vector<std::byte> compile(const Profile& profile);

}  // namespace berth::seccomp
