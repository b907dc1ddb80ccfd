// Identifiers that travel between rooms.
#pragma once

#include <string>
#include <string_view>

#include "common/strong_string.hpp"

namespace berth {

/// 64 lower-case hexadecimal digits.
using ContainerId = StrongString<struct ContainerIdTag>;
using NetworkId = StrongString<struct NetworkIdTag>;
using EndpointId = StrongString<struct EndpointIdTag>;

/// A new random 256-bit identifier as 64 hexadecimal digits (getrandom(2)). Throws Error.
std::string random_hex_id();

/// `count` random bytes as 2 * count hexadecimal digits. Throws Error.
std::string random_hex(std::size_t count);

/// True for 64 lower-case hexadecimal digits.
bool is_full_id(std::string_view text);

/// The first 12 digits, the form that people read.
std::string_view short_id(std::string_view id);

/// True for what a user may name a container or network: [a-zA-Z0-9][a-zA-Z0-9_.-]+
bool is_valid_name(std::string_view name);

}  // namespace berth
