// What a container gets that asks for nothing special: data only. The lists are those that users of
// containers rely on; each entry of the masked and read-only paths closes a known way to harm the
// host.
#pragma once

#include <array>
#include <string_view>

namespace berth::container {

inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where images and tools look for the init that the engine puts in.
inline constexpr std::string_view kInitPath = "/sbin/docker-init";

inline constexpr std::array<std::string_view, 14> kDefaultCapabilities = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

inline constexpr std::array<std::string_view, 13> kMaskedPaths = {"/proc/acpi",
                                                                  "/proc/asound",
                                                                  "/proc/interrupts",
                                                                  "/proc/kcore",
                                                                  "/proc/keys",
                                                                  "/proc/latency_stats",
                                                                  "/proc/sched_debug",
                                                                  "/proc/scsi",
                                                                  "/proc/timer_list",
                                                                  "/proc/timer_stats",
                                                                  "/sys/devices/virtual/powercap",
                                                                  "/sys/firmware",
                                                                  "/sys/kernel/security"};

inline constexpr std::array<std::string_view, 5> kReadonlyPaths = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

/// A rule of the devices controller: type, major, minor (-1 stands for all), access.
struct DefaultDeviceRule {
  char type;
  int major;
  int minor;
  std::string_view access;
};

inline constexpr std::array<DefaultDeviceRule, 11> kDefaultDeviceRules = {{
    {'c', -1, -1, "m"},  // mknod of anything, since opening it is what is refused
    {'b', -1, -1, "m"},
    {'c', 1, 3, "rwm"},     // null
    {'c', 1, 5, "rwm"},     // zero
    {'c', 1, 7, "rwm"},     // full
    {'c', 1, 8, "rwm"},     // random
    {'c', 1, 9, "rwm"},     // urandom
    {'c', 5, 0, "rwm"},     // tty
    {'c', 5, 1, "rwm"},     // console
    {'c', 5, 2, "rwm"},     // ptmx
    {'c', 136, -1, "rwm"},  // pts
}};

}  // namespace berth::container
