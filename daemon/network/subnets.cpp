#include "daemon/network/subnets.hpp"

#include <algorithm>
#include <cstdint>

#include "common/error.hpp"

namespace berth::network {

namespace {

AddressRange range(const char* base, int size) {
  return {Subnet::parse(base, "address pool"), size};
}

}  // namespace

std::vector<AddressRange> default_address_pools() {
  return {range("172.17.0.0/16", 16), range("172.18.0.0/16", 16), range("172.19.0.0/16", 16),
          range("172.20.0.0/14", 16), range("172.24.0.0/14", 16), range("172.28.0.0/14", 16),
          range("192.168.0.0/16", 20)};
}

Subnet free_subnet(std::span<const AddressRange> pools, std::span<const Subnet> used) {
  for (const AddressRange& pool : pools) {
    const std::uint64_t step = std::uint64_t{1} << (32U - static_cast<unsigned>(pool.size));
    const std::uint64_t end = std::uint64_t{pool.base.broadcast().value} + 1;
    for (std::uint64_t at = pool.base.network().value; at < end; at += step) {
      const Subnet candidate{Ipv4{static_cast<std::uint32_t>(at)}, pool.size};
      const bool taken = std::any_of(
          used.begin(), used.end(), [&](const Subnet& other) { return candidate.overlaps(other); });
      if (!taken) return candidate;
    }
  }
  throw Error(ErrorKind::kInvalidArgument,
              "all predefined address pools have been fully subnetted");
}

}  // namespace berth::network
