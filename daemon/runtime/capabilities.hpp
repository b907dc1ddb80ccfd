// Linux capabilities by name (capabilities(7)). Pure; may be called from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::runtime {

/// Bit N stands for capability number N.
using CapabilityMask = std::uint64_t;

/// True for the full, upper-case name of a capability that this version knows: "CAP_NET_ADMIN".
bool is_known_capability(std::string_view name);

/// All names that this version knows and the running kernel has (/proc/sys/kernel/cap_last_cap),
/// sorted.
std::vector<std::string> known_capabilities();

/// "CAP_CHOWN" for 0, and so on; empty for a number that has no name here.
std::string_view capability_name(int number);

/// The bits of the names. Throws Error{kInvalidArgument} for a name that is not known. A name that
/// is known but newer than the running kernel sets no bit.
CapabilityMask capability_mask(std::span<const std::string> names);

/// The number of the kernel's last capability; 63 at most.
int last_capability();

}  // namespace berth::runtime
