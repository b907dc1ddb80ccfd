#include "daemon/seccomp/names.hpp"

#include <algorithm>
#include <array>

namespace berth::seccomp {

namespace {

struct ArchitectureName {
  std::string_view name;
  std::string_view docker;
  std::uint32_t token;
};
constexpr auto kArchitectures = std::to_array<ArchitectureName>({
    {"SCMP_ARCH_X86_64", "amd64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X86", "x86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X32", "x32", SCMP_ARCH_X32},
    {"SCMP_ARCH_AARCH64", "arm64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_ARM", "arm", SCMP_ARCH_ARM},
    {"SCMP_ARCH_MIPS", "mips", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", "mips64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", "mips64n32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", "mipsel", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", "mipsel64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", "mipsel64n32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", "ppc", SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", "ppc64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", "ppc64le", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", "s390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", "s390x", SCMP_ARCH_S390X},
    {"SCMP_ARCH_PARISC", "parisc", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", "parisc64", SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", "riscv64", SCMP_ARCH_RISCV64},
});

struct ComparisonName {
  std::string_view name;
  scmp_compare comparison;
};
constexpr auto kComparisons =
    std::to_array<ComparisonName>({{"SCMP_CMP_NE", SCMP_CMP_NE},
                                   {"SCMP_CMP_LT", SCMP_CMP_LT},
                                   {"SCMP_CMP_LE", SCMP_CMP_LE},
                                   {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                   {"SCMP_CMP_GE", SCMP_CMP_GE},
                                   {"SCMP_CMP_GT", SCMP_CMP_GT},
                                   {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}});

constexpr std::uint32_t kActionMask = 0xffff0000U;

}  // namespace

std::optional<std::uint32_t> architecture_of(std::string_view name) {
  for (const ArchitectureName& entry : kArchitectures) {
    if (entry.name == name) return entry.token;
  }
  return std::nullopt;
}

std::string architecture_name(std::uint32_t token) {
  for (const ArchitectureName& entry : kArchitectures) {
    if (entry.token == token) return std::string(entry.name);
  }
  return "architecture " + std::to_string(token);
}

std::string_view docker_architecture(std::uint32_t token) {
  for (const ArchitectureName& entry : kArchitectures) {
    if (entry.token == token) return entry.docker;
  }
  return {};
}

std::optional<std::uint32_t> action_of(std::string_view name, std::uint16_t error) {
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(error);
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(error);
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  return std::nullopt;
}

std::string_view action_name(std::uint32_t action) {
  if (action == SCMP_ACT_ALLOW) return "SCMP_ACT_ALLOW";
  if (action == SCMP_ACT_LOG) return "SCMP_ACT_LOG";
  if (action == SCMP_ACT_KILL_PROCESS) return "SCMP_ACT_KILL_PROCESS";
  if (action == SCMP_ACT_KILL_THREAD) return "SCMP_ACT_KILL_THREAD";
  if (action == SCMP_ACT_TRAP) return "SCMP_ACT_TRAP";
  return (action & kActionMask) == SCMP_ACT_TRACE(0) ? "SCMP_ACT_TRACE" : "SCMP_ACT_ERRNO";
}

std::optional<scmp_compare> comparison_of(std::string_view name) {
  for (const ComparisonName& entry : kComparisons) {
    if (entry.name == name) return entry.comparison;
  }
  return std::nullopt;
}

std::string_view comparison_name(scmp_compare comparison) {
  for (const ComparisonName& entry : kComparisons) {
    if (entry.comparison == comparison) return entry.name;
  }
  return {};
}

}  // namespace berth::seccomp
