// Which subnet a new network gets. Pure.
#pragma once

#include <span>
#include <vector>

#include "daemon/network/address.hpp"
#include "daemon/network/service.hpp"

namespace berth::network {

/// The first subnet of the pools that overlaps none of those in use. Throws
/// Error{kInvalidArgument} when there is none.
Subnet free_subnet(std::span<const AddressRange> pools, std::span<const Subnet> used);

}  // namespace berth::network
