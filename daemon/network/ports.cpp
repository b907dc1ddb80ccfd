#include "daemon/network/ports.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/text.hpp"
#include "daemon/network/address.hpp"

namespace berth::network {

namespace {

// The IANA's range of dynamic ports (RFC 6335), but for its first.
constexpr PortRange kDefaultRange{49153, 65535};

bool collide(const std::string& a, const std::string& b) {
  if (is_ipv4(a) != is_ipv4(b)) return false;
  return a == b || is_unspecified(a) || is_unspecified(b);
}

}  // namespace

bool PortTable::is_free(const PublishedPort& port) const {
  const auto found = addresses_.find({port.protocol, port.host_port});
  return found == addresses_.end() || std::none_of(found->second.begin(), found->second.end(),
                                                   [&port](const std::string& taken) {
                                                     return collide(taken, port.host_address);
                                                   });
}

void PortTable::take(const PublishedPort& port) {
  addresses_[{port.protocol, port.host_port}].push_back(port.host_address);
}

void PortTable::give_back(const PublishedPort& port) {
  const auto found = addresses_.find({port.protocol, port.host_port});
  if (found == addresses_.end()) return;
  std::erase(found->second, port.host_address);
  if (found->second.empty()) addresses_.erase(found);
}

PortRange parse_ephemeral_range(std::string_view text) {
  const std::string_view trimmed = trim(text);
  const std::size_t blank = trimmed.find_first_of(" \t");
  if (blank == std::string_view::npos) return kDefaultRange;
  const auto first = parse_number<std::uint16_t>(trimmed.substr(0, blank));
  const auto last = parse_number<std::uint16_t>(trim(trimmed.substr(blank)));
  if (!first || !last || *first == 0 || *last < *first) return kDefaultRange;
  return {*first, *last};
}

std::uint16_t EphemeralPorts::next() {
  const std::uint16_t port = next_;
  next_ = port >= range_.last ? range_.first : static_cast<std::uint16_t>(port + 1);
  return port;
}

std::vector<std::string> addresses_for(const PortBinding& binding, const std::string& fallback) {
  const std::string& wanted = binding.host_address.empty() ? fallback : binding.host_address;
  if (!wanted.empty()) return {canonical_address(wanted)};
  return {"0.0.0.0", "::"};
}

std::string address_and_port(const std::string& address, std::uint16_t port) {
  return is_ipv4(address) ? fmt::format("{}:{}", address, port)
                          : fmt::format("[{}]:{}", address, port);
}

}  // namespace berth::network
