// Where the daemon listens.
#pragma once

#include <string>
#include <vector>

#include "common/fd.hpp"

namespace berth::http {

struct ListenOptions {
  std::string group = "berth";   // owner group of Unix sockets, where it exists
  bool group_required = false;   // the user named the group: a missing one is an error
  bool allow_plain_tcp = false;  // plain tcp on other than loopback addresses
};

/// A listening socket and, for a Unix socket that was made here, the path to remove at the end.
struct Listener {
  Fd socket;
  std::string address;
  std::string unlink_path;
};

/// Opens one -H address: unix:///path, tcp://host:port or fd:// (sockets passed by systemd, which
/// may be several). Throws Error that names the address: another daemon listens there, plain tcp
/// beyond loopback, unknown scheme.
std::vector<Listener> open_listeners(const std::string& address, const ListenOptions& options);

}  // namespace berth::http
