// The names that profiles use for what libseccomp has numbers for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <seccomp.h>

namespace berth::seccomp {

/// "SCMP_ARCH_X86_64" and so on, both ways; an unknown name gives none.
std::optional<std::uint32_t> architecture_of(std::string_view name);
std::string architecture_name(std::uint32_t token);
/// The word that Docker's "arches" uses: "amd64".
std::string_view docker_architecture(std::uint32_t token);

/// "SCMP_ACT_ERRNO" with its error number. None for an unknown name, and for SCMP_ACT_NOTIFY.
std::optional<std::uint32_t> action_of(std::string_view name, std::uint16_t error);
std::string_view action_name(std::uint32_t action);

std::optional<scmp_compare> comparison_of(std::string_view name);
std::string_view comparison_name(scmp_compare comparison);

}  // namespace berth::seccomp
