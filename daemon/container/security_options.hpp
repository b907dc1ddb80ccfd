// HostConfig.SecurityOpt, parsed.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace berth::container {

struct SecurityOptions {
  std::optional<bool> no_new_privileges;
  bool seccomp_unconfined = false;
  bool seccomp_builtin = false;  // whatever the daemon's default is
  std::string seccomp_profile;   // JSON text; empty means the daemon's default
  std::string apparmor_profile;
  bool system_paths_unconfined = false;
};

/// Entries such as "no-new-privileges", "seccomp=unconfined", "apparmor=name",
/// "systempaths=unconfined"; "label=..." is taken and has no effect without SELinux. Throws
/// Error{kInvalidArgument} for any other.
SecurityOptions parse_security_options(const std::vector<std::string>& options);

}  // namespace berth::container
