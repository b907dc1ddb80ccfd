#include "daemon/runtime/capabilities.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/text.hpp"

namespace berth::runtime {

namespace {

/// By number: linux/capability.h.
constexpr std::array<std::string_view, 41> kNames = {"CAP_CHOWN",
                                                     "CAP_DAC_OVERRIDE",
                                                     "CAP_DAC_READ_SEARCH",
                                                     "CAP_FOWNER",
                                                     "CAP_FSETID",
                                                     "CAP_KILL",
                                                     "CAP_SETGID",
                                                     "CAP_SETUID",
                                                     "CAP_SETPCAP",
                                                     "CAP_LINUX_IMMUTABLE",
                                                     "CAP_NET_BIND_SERVICE",
                                                     "CAP_NET_BROADCAST",
                                                     "CAP_NET_ADMIN",
                                                     "CAP_NET_RAW",
                                                     "CAP_IPC_LOCK",
                                                     "CAP_IPC_OWNER",
                                                     "CAP_SYS_MODULE",
                                                     "CAP_SYS_RAWIO",
                                                     "CAP_SYS_CHROOT",
                                                     "CAP_SYS_PTRACE",
                                                     "CAP_SYS_PACCT",
                                                     "CAP_SYS_ADMIN",
                                                     "CAP_SYS_BOOT",
                                                     "CAP_SYS_NICE",
                                                     "CAP_SYS_RESOURCE",
                                                     "CAP_SYS_TIME",
                                                     "CAP_SYS_TTY_CONFIG",
                                                     "CAP_MKNOD",
                                                     "CAP_LEASE",
                                                     "CAP_AUDIT_WRITE",
                                                     "CAP_AUDIT_CONTROL",
                                                     "CAP_SETFCAP",
                                                     "CAP_MAC_OVERRIDE",
                                                     "CAP_MAC_ADMIN",
                                                     "CAP_SYSLOG",
                                                     "CAP_WAKE_ALARM",
                                                     "CAP_BLOCK_SUSPEND",
                                                     "CAP_AUDIT_READ",
                                                     "CAP_PERFMON",
                                                     "CAP_BPF",
                                                     "CAP_CHECKPOINT_RESTORE"};

}  // namespace

bool is_known_capability(std::string_view name) {
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

int last_capability() {
  static constexpr int kMost = 63;
  const Fd file(::open("/proc/sys/kernel/cap_last_cap", O_RDONLY | O_CLOEXEC));
  std::array<char, 16> text{};
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (got > 0) {
    const auto number =
        parse_number<int>(trim(std::string_view(text.data(), static_cast<std::size_t>(got))));
    if (number && *number >= 0) return std::min(*number, kMost);
  }
  return static_cast<int>(kNames.size()) - 1;
}

std::vector<std::string> known_capabilities() {
  const auto count = std::min(kNames.size(), static_cast<std::size_t>(last_capability()) + 1);
  std::vector<std::string> names(kNames.begin(),
                                 kNames.begin() + static_cast<std::ptrdiff_t>(count));
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view capability_name(int number) {
  const auto index = static_cast<std::size_t>(number);
  return number >= 0 && index < kNames.size() ? kNames[index] : std::string_view();
}

CapabilityMask capability_mask(std::span<const std::string> names) {
  CapabilityMask mask = 0;
  const int last = last_capability();
  for (const std::string& name : names) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) {
      throw Error(ErrorKind::kInvalidArgument,
                  "unknown capability \"" + name + "\": must be a name such as \"CAP_NET_ADMIN\"");
    }
    const auto number = found - kNames.begin();
    if (number <= last) mask |= CapabilityMask{1} << static_cast<unsigned>(number);
  }
  return mask;
}

}  // namespace berth::runtime
