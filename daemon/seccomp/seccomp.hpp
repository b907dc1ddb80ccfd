// Seccomp profiles as BPF programs for seccomp(2). Pure functions of their input: equal input gives
// equal bytes, so the daemon keeps results. May be called from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace berth::seccomp {

/// Berth's own default profile for a process with these capabilities ("CAP_..." names), as
/// struct sock_filter[] bytes. Throws Error.
std::vector<std::byte> compile_default(std::span<const std::string> capabilities);

/// A user's profile: Docker's form ("archMap", "syscalls" with "includes" and "excludes") or OCI's
/// linux.seccomp. Throws Error{kInvalidArgument} that names what is wrong. A system call that this
/// machine's libseccomp does not know is left out, as other engines do.
std::vector<std::byte> compile_profile(const nlohmann::json& profile,
                                       std::span<const std::string> capabilities);

/// Throws what compile_profile() would for this text: not JSON, unknown names, contradictions.
void check_profile(const std::string& text, std::span<const std::string> capabilities);

/// The text as JSON. Throws Error{kInvalidArgument}.
nlohmann::json decode_profile(const std::string& text);
/// A user's profile as an OCI linux.seccomp object, for runtimes that compile it themselves. Throws
/// as compile_profile().
nlohmann::json resolve_profile(const nlohmann::json& profile,
                               std::span<const std::string> capabilities);

/// The default profile as an OCI linux.seccomp object.
nlohmann::json default_profile(std::span<const std::string> capabilities);

}  // namespace berth::seccomp
