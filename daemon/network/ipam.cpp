#include "daemon/network/ipam.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/error.hpp"

namespace berth::network {

namespace {

void check(const Subnet& subnet, const Subnet& range, Ipv4 gateway) {
  if (subnet.prefix < 8 || subnet.prefix > 30) {
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("invalid subnet {}: want a prefix length from 8 to 30", subnet.network_text()));
  }
  if (range.prefix < subnet.prefix || !subnet.contains(range.address)) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid range of addresses {}: it does not lie inside the subnet {}",
                            range.network_text(), subnet.network_text()));
  }
  if (!subnet.contains(gateway)) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid gateway {}: it does not belong to the subnet {}",
                            gateway.str(), subnet.network_text()));
  }
}

}  // namespace

AddressPool::AddressPool(std::string network, Subnet subnet, Subnet range, Ipv4 gateway)
    : network_(std::move(network)), subnet_(subnet), gateway_(gateway) {
  check(subnet, range, gateway);
  first_ = range.network();
  last_ = range.broadcast();
  lowest_ = first_;
  used_.resize(std::size_t{1} << (32U - static_cast<unsigned>(subnet.prefix)));
  for (const Ipv4 fixed : {subnet.network(), subnet.broadcast(), subnet.address, gateway}) {
    used_[slot(fixed)] = true;
  }
}

bool AddressPool::is_fixed(Ipv4 address) const {
  return address == subnet_.network() || address == subnet_.broadcast() ||
         address == subnet_.address || address == gateway_;
}

Ipv4 AddressPool::allocate() {
  const auto begin = used_.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(slot(last_)) + 1;
  const auto found = std::find(begin + static_cast<std::ptrdiff_t>(slot(lowest_)), end, false);
  if (found == end) {
    throw Error(ErrorKind::kUnavailable,
                fmt::format("no available IPv4 addresses on this network's address pools: {} ({})",
                            network_, Subnet{first_, subnet_.prefix}.network_text()));
  }
  *found = true;
  lowest_ = Ipv4{subnet_.network().value + static_cast<std::uint32_t>(found - begin)};
  return lowest_;
}

void AddressPool::take(Ipv4 address) {
  if (!subnet_.contains(address) || is_fixed(address)) {
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("invalid address {}: it is none that a container of the subnet {} can have",
                    address.str(), subnet_.network_text()));
  }
  if (used_[slot(address)]) {
    throw Error(ErrorKind::kConflict,
                fmt::format("address {} is already in use on network {}", address.str(), network_));
  }
  used_[slot(address)] = true;
}

void AddressPool::give_back(Ipv4 address) {
  if (!subnet_.contains(address) || is_fixed(address)) return;
  used_[slot(address)] = false;
  if (address >= first_ && address < lowest_) lowest_ = address;
}

bool AddressPool::is_free(Ipv4 address) const {
  return subnet_.contains(address) && !used_[slot(address)];
}

}  // namespace berth::network
