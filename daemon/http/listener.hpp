// Where the daemon listens.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/fd.hpp"

namespace berth::http {

struct ListenOptions {
  std::string group = "berth";   // owner group of Unix sockets, where it exists
  bool group_required = false;   // the user named the group: a missing one is an error
  bool allow_plain_tcp = false;  // plain tcp on other than loopback addresses
};

/// The file of a Unix socket that was made here; removed with its owner.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path) : path_(std::move(path)) {}
  SocketFile(SocketFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  SocketFile& operator=(SocketFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~SocketFile() { remove(); }

  void remove() noexcept;

 private:
  std::string path_;
};

struct Listener {
  Fd socket;
  std::string address;
  SocketFile file{};  // none for sockets that systemd passed, and tcp
};

/// Opens one -H address: unix:///path, tcp://host:port or fd:// (sockets passed by systemd, which
/// may be several). Throws Error that names the address: another daemon listens there, plain tcp
/// beyond loopback, unknown scheme.
std::vector<Listener> open_listeners(const std::string& address, const ListenOptions& options);

}  // namespace berth::http
