#include "daemon/container/apparmor.hpp"

#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/process.hpp"
#include "common/text.hpp"
#include "daemon/container/security_options.hpp"

namespace berth::container {

namespace {

constexpr const char* kParser = "/sbin/apparmor_parser";
constexpr const char* kFileSystem = "sys/kernel/security/apparmor";
constexpr const char* kSwitch = "sys/module/apparmor/parameters/enabled";

bool is_loaded(const std::string& name) {
  const std::string profiles = read_file(std::filesystem::path("/") / kFileSystem / "profiles");
  for (const std::string_view line : split(profiles, '\n')) {
    if (line.starts_with(name + " (")) return true;
  }
  return false;
}

// Everything is allowed but what changes the host: most of /proc and /sys, and mounting. {} marks
// the place of the name.
constexpr std::string_view kText = R"(#include <tunables/global>

profile {} flags=(attach_disconnected,mediate_deleted) {
  #include <abstractions/base>

  network,
  capability,
  file,
  umount,

  signal (receive) peer=unconfined,
  signal (send,receive) peer={},
  ptrace (trace,tracedby,read,readby) peer={},

  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,

  deny mount,

  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
)";

}  // namespace

bool has_apparmor(const std::filesystem::path& root) {
  std::error_code error;
  if (!std::filesystem::exists(root / kFileSystem, error)) return false;
  if (::access((root / std::string(kParser).substr(1)).c_str(), X_OK) != 0) return false;
  try {
    return read_file(root / kSwitch).starts_with('Y');
  } catch (const Error&) {
    return false;
  }
}

std::string apparmor_profile(const api::HostConfig& host_config, bool available) {
  std::string asked = parse_security_options(host_config.security_opt).apparmor_profile;
  if (!available) {
    if (asked.empty() || asked == "unconfined") return {};
    throw Error(ErrorKind::kInvalidArgument,
                "apparmor: config provided but apparmor not supported: \"" + asked + "\"");
  }
  if (!asked.empty()) return asked;
  return host_config.privileged ? "unconfined" : kDefaultApparmorProfile;
}

std::string default_apparmor_profile_text() {
  std::string text(kText);
  for (auto at = text.find("{}"); at != std::string::npos; at = text.find("{}", at))
    text.replace(at, 2, kDefaultApparmorProfile);
  return text;
}

void load_default_apparmor_profile() {
  if (is_loaded(kDefaultApparmorProfile)) return;
  ProcessOptions parser;
  // Replace, and do not read the cache: the text may be another than that of an older daemon.
  parser.argv = {kParser, "-Kr"};
  parser.stdin_data = default_apparmor_profile_text();
  try {
    run_process_checked(parser);
  } catch (const Error&) {
    rethrow_with_context(
        "AppArmor enabled on system but the berth-default profile could not be loaded");
  }
}

}  // namespace berth::container
