// Which addresses of a subnet are given away. Pure; control thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/network/address.hpp"

namespace berth::network {

/// The network's own address, its broadcast address and the gateway are never given away. The
/// lowest free address is given first, so that a container that starts again finds its address
/// again, as users of dockerd know it; veth.hpp tells how the cable of the last owner is kept
/// apart.
class AddressPool {
 public:
  /// Addresses come from `range`, which lies inside `subnet`; the prefix is 8 to 30 bits long.
  /// Throws Error{kInvalidArgument}.
  AddressPool(std::string network, Subnet subnet, Subnet range, Ipv4 gateway);

  /// Throws Error{kUnavailable} when none is left.
  Ipv4 allocate();

  /// A certain one, inside or outside of the range. Throws Error: kInvalidArgument when it is not
  /// one of the subnet's, kConflict when it is in use.
  void take(Ipv4 address);

  /// Nothing happens when the address is free, or is none of the subnet's containers'.
  void give_back(Ipv4 address);

  bool is_free(Ipv4 address) const;

 private:
  std::size_t slot(Ipv4 address) const { return address.value - subnet_.network().value; }
  bool is_fixed(Ipv4 address) const;

  std::string network_;
  Subnet subnet_;
  Ipv4 gateway_;
  Ipv4 first_;
  Ipv4 last_;
  Ipv4 lowest_;  // no address below it is free
  std::vector<bool> used_;
};

}  // namespace berth::network
