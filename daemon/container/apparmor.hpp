// AppArmor, where the kernel has it: each container runs under a profile.
#pragma once

#include <filesystem>
#include <string>

#include "api/host_config.hpp"

namespace berth::container {

inline constexpr const char* kDefaultApparmorProfile = "berth-default";

/// Whether profiles can be loaded and used here: the kernel has AppArmor on, its file system is
/// mounted, and apparmor_parser(8) is installed. `root` is another than "/" for tests.
bool has_apparmor(const std::filesystem::path& root = "/");

/// The profile of a container's process: the one that was asked for, "unconfined" for a privileged
/// container, else the default. Empty where there is no AppArmor; asking for a profile there is
/// Error{kInvalidArgument}.
std::string apparmor_profile(const api::HostConfig& host_config, bool available);

/// Loads the default profile when it is not loaded: system upgrades may have unloaded it, so this
/// is asked before each start. Blocking. Throws Error.
void load_default_apparmor_profile();

/// What that is, in the language of apparmor.d(5).
std::string default_apparmor_profile_text();

}  // namespace berth::container
