// The text of a container's hosts file (hosts(5)). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::network {

struct HostsOptions {
  std::vector<std::string> addresses;  // the container's, one a network
  std::string hostname;
  std::string domain_name;  // may be empty
  /// "name:address" as in --add-host; the address may be "host-gateway".
  std::vector<std::string> extra_hosts;
  std::string host_gateway;
};

/// Throws Error{kInvalidArgument} for an entry that check_extra_host() refuses, or a host-gateway
/// when there is none.
std::string hosts_file(const HostsOptions& asked);

/// Throws Error{kInvalidArgument} when the text is not name:address or name=address.
void check_extra_host(std::string_view text);

}  // namespace berth::network
