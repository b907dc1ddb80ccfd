#include <array>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "daemon/shim/forwarder.hpp"

namespace berth::shim {

namespace {

constexpr std::chrono::seconds kIdleLimit{90};
constexpr std::chrono::seconds kIdleCheck{15};
constexpr std::size_t kLargestDatagram = 65535;
// Datagrams taken in one turn, so that a flood does not starve the container's output.
constexpr int kBurst = 64;

std::array<char, kLargestDatagram>& datagram_buffer() {
  static std::array<char, kLargestDatagram> buffer;
  return buffer;
}

}  // namespace

UdpForwarder::UdpForwarder(Loop& loop, Fd socket, sockaddr_in target, std::size_t most_clients)
    : loop_(loop), socket_(std::move(socket)), target_(target), most_clients_(most_clients) {
  loop_.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { receive(); });
}

UdpForwarder::~UdpForwarder() {
  loop_.cancel(idle_check_);
  for (const auto& [key, client] : clients_)
    loop_.remove(client.socket.get());
  loop_.remove(socket_.get());
}

void UdpForwarder::receive() {
  auto& buffer = datagram_buffer();
  for (int i = 0; i < kBurst; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&address), &length);
    if (got < 0) return;
    // A datagram that cannot be passed on is lost, as on any network.
    Client* client = client_for(address, length);
    if (client != nullptr)
      (void)::send(client->socket.get(), buffer.data(), static_cast<std::size_t>(got),
                   MSG_DONTWAIT);
  }
}

UdpForwarder::Client* UdpForwarder::client_for(const sockaddr_storage& address, socklen_t length) {
  const std::string key(reinterpret_cast<const char*>(&address), length);
  const auto at = std::chrono::steady_clock::now();
  if (const auto found = clients_.find(key); found != clients_.end()) {
    found->second.last_used = at;
    return &found->second;
  }
  if (clients_.size() >= most_clients_) return nullptr;
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&target_), sizeof target_) != 0) {
    return nullptr;
  }
  try {
    loop_.add(socket.get(), EPOLLIN, [this, key](std::uint32_t) { answer(key); });
  } catch (const Error&) {
    return nullptr;
  }
  const auto added = clients_.emplace(key, Client{std::move(socket), address, length, at}).first;
  forget_idle_later();
  return &added->second;
}

void UdpForwarder::answer(const std::string& key) {
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  Client& client = found->second;
  auto& buffer = datagram_buffer();
  for (int i = 0; i < kBurst; ++i) {
    const ssize_t got = ::recv(client.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) return;
    client.last_used = std::chrono::steady_clock::now();
    (void)::sendto(socket_.get(), buffer.data(), static_cast<std::size_t>(got), MSG_DONTWAIT,
                   reinterpret_cast<const sockaddr*>(&client.address), client.length);
  }
}

void UdpForwarder::forget_idle_later() {
  if (idle_check_ != 0) return;
  idle_check_ = loop_.after(kIdleCheck, [this] {
    idle_check_ = 0;
    forget_idle(std::chrono::steady_clock::now() - kIdleLimit);
    if (!clients_.empty()) forget_idle_later();
  });
}

void UdpForwarder::forget_idle(std::chrono::steady_clock::time_point limit) {
  std::erase_if(clients_, [&](const auto& entry) {
    if (entry.second.last_used > limit) return false;
    loop_.remove(entry.second.socket.get());
    return true;
  });
}

}  // namespace berth::shim
