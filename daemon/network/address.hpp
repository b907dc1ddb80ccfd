// IPv4 addresses and subnets as values; MAC addresses made from them. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::network {

struct Ipv4 {
  std::uint32_t value = 0;  // in the host's byte order

  static std::optional<Ipv4> parse(std::string_view text);
  std::string str() const;
  auto operator<=>(const Ipv4&) const = default;
};

/// An address with the length of its network's prefix.
struct Subnet {
  Ipv4 address;
  int prefix = 0;

  /// "172.17.0.1/16". Throws Error{kInvalidArgument}, naming `option`, for another text.
  static Subnet parse(std::string_view text, std::string_view option);
  Ipv4 network() const { return {address.value & mask()}; }
  Ipv4 broadcast() const { return {address.value | ~mask()}; }
  bool overlaps(const Subnet& other) const {
    return contains(other.network()) || other.contains(network());
  }
  bool contains(Ipv4 other) const { return (other.value & mask()) == network().value; }
  /// "172.17.0.0/16"
  std::string network_text() const;
  std::string str() const;
  bool operator==(const Subnet&) const = default;

 private:
  std::uint32_t mask() const {
    return prefix == 0 ? 0 : ~std::uint32_t{0} << (32U - static_cast<unsigned>(prefix));
  }
};

bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
/// 127.0.0.0/8 or ::1; the text is an address.
bool is_loopback(std::string_view text);
/// 0.0.0.0 or ::, however written.
bool is_unspecified(std::string_view text);
/// The usual way to write an IP address (RFC 5952). Throws Error{kInvalidArgument} for no address.
std::string canonical_address(std::string_view text);

/// 02:42 and the address's four bytes, the form that users of containers know. The same address has
/// the same MAC address again, so that neighbours' tables stay right.
std::string mac_of(Ipv4 address);

/// The six bytes of "02:42:ac:11:00:02". Throws Error{kInvalidArgument} for another text, and for
/// multicast or zero addresses.
std::string parse_mac(std::string_view text);

}  // namespace berth::network
