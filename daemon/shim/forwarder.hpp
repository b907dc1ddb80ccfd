// Forwards what arrives on the sockets of published ports to the container: connections from
// loopback, from containers to the host's own address, and over IPv6, which the packet filter's
// rules do not cover.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include <netinet/in.h>

#include "common/fd.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

/// Throws Error{kInvalidArgument} for what is no IPv4 address.
sockaddr_in container_address(const std::string& ip, std::uint16_t port);

/// TCP: connects to the container for every client, and moves bytes both ways without copying them
/// through this process (splice(2)). The end of one direction is passed on while the other goes on.
class TcpForwarder {
 public:
  /// `listener` is listening and non-blocking. Beyond `most_relays` connections at a time, clients
  /// wait in the kernel's queue.
  TcpForwarder(Loop& loop, Fd listener, sockaddr_in target, std::size_t most_relays);
  ~TcpForwarder();
  TcpForwarder(const TcpForwarder&) = delete;
  TcpForwarder& operator=(const TcpForwarder&) = delete;

 private:
  class Relay;
  using Relays = std::list<std::unique_ptr<Relay>>;

  void accept();
  void forget(Relays::iterator relay);
  void listen(bool on);

  Loop& loop_;
  Fd listener_;
  sockaddr_in target_;
  std::size_t most_relays_;
  Relays relays_;
  bool listening_ = true;
  Loop::Timer retry_ = 0;
};

/// UDP: a socket of its own to the container for every client address, so that answers find their
/// way back. Clients that were silent for 90 seconds are forgotten.
class UdpForwarder {
 public:
  /// `socket` is bound and non-blocking. Datagrams of clients beyond `most_clients` are lost.
  UdpForwarder(Loop& loop, Fd socket, sockaddr_in target, std::size_t most_clients);

  std::size_t clients() const noexcept { return clients_.size(); }
  /// Forgets clients from which and for whom nothing came since `limit`. Called by itself now and
  /// then.
  void forget_idle(std::chrono::steady_clock::time_point limit);
  ~UdpForwarder();
  UdpForwarder(const UdpForwarder&) = delete;
  UdpForwarder& operator=(const UdpForwarder&) = delete;

 private:
  struct Client {
    Fd socket;
    sockaddr_storage address;
    socklen_t length;
    std::chrono::steady_clock::time_point last_used;
  };

  void receive();
  Client* client_for(const sockaddr_storage& address, socklen_t length);
  void answer(const std::string& key);
  void forget_idle_later();

  Loop& loop_;
  Fd socket_;
  sockaddr_in target_;
  std::size_t most_clients_;
  std::map<std::string, Client> clients_;
  Loop::Timer idle_check_ = 0;
};

}  // namespace berth::shim
