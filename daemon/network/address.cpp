#include "daemon/network/address.hpp"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::network {

namespace {

std::optional<in6_addr> parse_ipv6(std::string_view text) {
  in6_addr bytes{};
  if (text.size() >= INET6_ADDRSTRLEN ||
      inet_pton(AF_INET6, std::string(text).c_str(), &bytes) != 1) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  in_addr bytes{};
  // inet_pton(3) wants exactly four decimal parts: no octal, no short forms.
  if (text.size() >= INET_ADDRSTRLEN ||
      inet_pton(AF_INET, std::string(text).c_str(), &bytes) != 1) {
    return std::nullopt;
  }
  return Ipv4{ntohl(bytes.s_addr)};
}

std::string Ipv4::str() const {
  return fmt::format("{}.{}.{}.{}", value >> 24U, (value >> 16U) & 0xffU, (value >> 8U) & 0xffU,
                     value & 0xffU);
}

Subnet Subnet::parse(std::string_view text, std::string_view option) {
  const std::size_t slash = text.find('/');
  const auto address = Ipv4::parse(text.substr(0, slash));
  const auto prefix =
      slash == std::string_view::npos ? std::nullopt : parse_number<int>(text.substr(slash + 1));
  if (!address || !prefix || *prefix < 0 || *prefix > 32) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid {} \"{}\": want an IPv4 address and prefix length such as "
                            "172.17.0.1/16",
                            option, text));
  }
  return Subnet{*address, *prefix};
}

std::string Subnet::network_text() const {
  return fmt::format("{}/{}", network().str(), prefix);
}

std::string Subnet::str() const {
  return fmt::format("{}/{}", address.str(), prefix);
}

bool is_ipv4(std::string_view text) {
  return Ipv4::parse(text).has_value();
}

bool is_ipv6(std::string_view text) {
  return parse_ipv6(text).has_value();
}

bool is_loopback(std::string_view text) {
  if (const auto address = Ipv4::parse(text)) return address->value >> 24U == 127;
  const auto address = parse_ipv6(text);
  return address && IN6_IS_ADDR_LOOPBACK(&*address);
}

bool is_unspecified(std::string_view text) {
  if (const auto address = Ipv4::parse(text)) return address->value == 0;
  const auto address = parse_ipv6(text);
  return address && IN6_IS_ADDR_UNSPECIFIED(&*address);
}

std::string canonical_address(std::string_view text) {
  if (const auto address = Ipv4::parse(text)) return address->str();
  if (const auto address = parse_ipv6(text)) {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    return inet_ntop(AF_INET6, &*address, buffer.data(), buffer.size());
  }
  throw Error(
      ErrorKind::kInvalidArgument,
      fmt::format("invalid IP address \"{}\": want one such as 192.0.2.1 or 2001:db8::1", text));
}

std::string mac_of(Ipv4 address) {
  const std::uint32_t value = address.value;
  return fmt::format("02:42:{:02x}:{:02x}:{:02x}:{:02x}", value >> 24U, (value >> 16U) & 0xffU,
                     (value >> 8U) & 0xffU, value & 0xffU);
}

std::string parse_mac(std::string_view text) {
  const auto fail = [&text]() -> std::string {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid MAC address \"{}\": want a unicast one such as "
                            "02:42:ac:11:00:02",
                            text));
  };
  std::string bytes;
  for (const std::string_view part : split(text, ':')) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
    if (part.size() != 2 || error != std::errc{} || end != part.data() + part.size()) return fail();
    bytes.push_back(static_cast<char>(value));
  }
  const bool multicast = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 1U) != 0;
  if (bytes.size() != 6 || multicast || bytes == std::string(6, '\0')) return fail();
  return bytes;
}

}  // namespace berth::network
