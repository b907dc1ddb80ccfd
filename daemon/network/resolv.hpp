// The text of a container's resolv.conf (resolv.conf(5)). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::network {

struct ResolvOptions {
  std::vector<std::string> servers;
  std::vector<std::string> search;  // a single "." means none
  std::vector<std::string> options;
};

/// The host's resolv.conf with what the user asked for in place of what it says. Without the user's
/// servers the host's are taken but for those on loopback addresses, which mean another machine
/// inside a container, and those of IPv6, which containers do not have; where none is left, public
/// ones.
std::string resolv_conf(std::string_view hosts_file, const ResolvOptions& asked);

/// Which of the host's files to read: the upstream servers' when /etc/resolv.conf only points to
/// systemd-resolved's stub, which containers cannot reach. Reads /etc/resolv.conf; an unreadable
/// file counts as empty.
std::string read_host_resolv_conf();

/// Throws Error{kInvalidArgument} when the text is not an IP address.
void check_dns_server(std::string_view text);

}  // namespace berth::network
