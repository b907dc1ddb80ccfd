#include "daemon/network/hosts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/error.hpp"
#include "daemon/network/address.hpp"

namespace berth::network {

namespace {

constexpr std::string_view kHostGateway = "host-gateway";
constexpr std::string_view kFixedLines =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::\tip6-localnet\n"
    "ff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";

/// Blanks and line ends would make further names or lines of it.
void check_name(std::string_view name) {
  const bool printable = std::all_of(name.begin(), name.end(),
                                     [](char c) { return c > ' ' && c != '#' && c != '\x7f'; });
  if (name.empty() || !printable) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid host name \"{}\": want one without blanks", name));
  }
}

struct ExtraHost {
  std::string name;
  std::string address;
};

ExtraHost parse_extra_host(std::string_view text) {
  const std::size_t separator = text.find_first_of(":=");
  if (separator == std::string_view::npos) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid extra host \"{}\": want name:address", text));
  }
  std::string_view address = text.substr(separator + 1);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  ExtraHost host{std::string(text.substr(0, separator)), std::string(address)};
  check_name(host.name);
  if (host.address != kHostGateway && !is_ipv4(address) && !is_ipv6(address)) {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("invalid IP address \"{}\" in extra host \"{}\": want name:address, or "
                            "host-gateway as the address",
                            address, text));
  }
  return host;
}

}  // namespace

void check_extra_host(std::string_view text) {
  parse_extra_host(text);
}

std::string hosts_file(const HostsOptions& asked) {
  std::string text(kFixedLines);
  for (const std::string& entry : asked.extra_hosts) {
    ExtraHost host = parse_extra_host(entry);
    if (host.address == kHostGateway) {
      if (asked.host_gateway.empty()) {
        throw Error(
            ErrorKind::kInvalidArgument,
            fmt::format("cannot resolve the extra host \"{}\": there is no host gateway", entry));
      }
      host.address = asked.host_gateway;
    }
    text += fmt::format("{}\t{}\n", host.address, host.name);
  }
  if (asked.addresses.empty() || asked.hostname.empty()) return text;
  check_name(asked.hostname);
  if (!asked.domain_name.empty()) check_name(asked.domain_name);
  const std::string names =
      asked.domain_name.empty()
          ? asked.hostname
          : fmt::format("{}.{} {}", asked.hostname, asked.domain_name, asked.hostname);
  for (const std::string& address : asked.addresses)
    text += fmt::format("{}\t{}\n", address, names);
  return text;
}

}  // namespace berth::network
